/** The progress line: on a terminal only, and gone in the end. */
import { expect, it } from 'vitest';
import { ProgressLine } from '../../../src/cli/progress-line.ts';

function draw(isTTY: boolean): string {
  let written = '';
  const write = (text: string): boolean => {
    written += text;
    return true;
  };
  const line = new ProgressLine('checking', { isTTY, write } as unknown as NodeJS.WriteStream);
  line.show(1, 4);
  line.show(2, 4);
  line.end();
  return written;
}

it('shows how far a job is, not more often than a person can read, and gives the line back', () => {
  expect(draw(true)).toBe('\r\x1b[Kchecking: 1 of 4 segments, 25 %\r\x1b[K');
});

it('says nothing where the output is no terminal', () => {
  expect(draw(false)).toBe('');
});
