import { describe, expect, it } from 'vitest';
import type { Log } from '../../../src/core/log.ts';
import { GuardedEmitter } from '../../../src/node/guarded-emitter.ts';
import { Recorder } from '../recorder.ts';

class Bell extends GuardedEmitter<{ ring: [times: number] }> {
  ring(log: Log, times: number): void {
    this.tell(log, 'ring', times);
  }
}

describe('events for programs', () => {
  it('API-2 a listener that throws or rejects is logged, and keeps nothing from the others', async () => {
    const { log, ...recorder } = new Recorder();
    const bell = new Bell();
    const heard: number[] = [];
    bell.on('ring', () => {
      throw new Error('too loud');
    });
    bell.on('ring', async () => {
      throw new Error('too early');
    });
    bell.once('ring', (times) => heard.push(times));
    bell.ring(log, 1);
    bell.ring(log, 2);
    await new Promise(setImmediate);
    expect(heard).toEqual([1]);
    const failures = recorder.lines.filter(({ level }) => level === 'error').map(({ text }) => text);
    expect(failures.sort()).toEqual([
      "a listener of the program to 'ring' failed: Error: too early",
      "a listener of the program to 'ring' failed: Error: too early",
      "a listener of the program to 'ring' failed: Error: too loud",
      "a listener of the program to 'ring' failed: Error: too loud",
    ]);
  });
});
