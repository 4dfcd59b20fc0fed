/**
 * An aggregator as a real process that ends by SIGKILL at each of its operations on files, one life after the other on the
 * same files, verified from outside (logging 17.8).
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const workplace = mkdtempSync(join(tmpdir(), 'flotilla-kills-'));
const logs = join(workplace, 'logs');
const root = join(import.meta.dirname, '../../..');
/** Inside, so that it finds its packages. */
const program = join(root, `.cache/aggregate-process-${process.pid}.mjs`);

// Compiled once: what a life does is short, and there are many.
beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, 'aggregate-process.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
});
afterAll(() => {
  rmSync(workplace, { recursive: true, force: true });
  rmSync(program, { force: true });
});

/** Killed at its n-th operation; false: it had fewer. */
async function live(stopAt: number): Promise<boolean> {
  try {
    await run(process.execPath, [program, workplace, String(stopAt)]);
    return false;
  } catch (error) {
    if (error instanceof Error && 'signal' in error && error.signal === 'SIGKILL') return true;
    throw error;
  }
}

/** Lines of all files, the oldest day first; `known`: only as far as the state of each file goes. */
function lines(known: 'known' | 'all'): string[] {
  if (!existsSync(logs)) return [];
  const paths = readdirSync(logs)
    .sort()
    .flatMap((day) => ['all', 'c'].map((name) => ({ path: join(logs, day, name), state: `.${name}.state` })));
  return paths.flatMap(({ path, state }) => {
    const statePath = join(path, '..', state);
    if (!existsSync(path) || (known === 'known' && !existsSync(statePath))) return [];
    const length = known === 'known' ? JSON.parse(readFileSync(statePath, 'utf8')).length : undefined;
    return readFileSync(path)
      .subarray(0, length)
      .toString()
      .split(/(?<=\n)/);
  });
}

const numbersOf = (node: string, all: readonly string[]): number[] =>
  all.filter((line) => line.startsWith(`${node} `)).map((line) => Number(line.slice(2)));

const ackedOf = (node: string): number => {
  const path = join(workplace, `${node}.acked`);
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
};

it('R6 killed at each operation, life after life: each numbered record is in the files once, in order', async () => {
  let stopAt = 1;
  for (; await live(stopAt); stopAt++) {
    const found = lines('known');
    for (const node of ['a', 'b', 'c']) {
      const numbers = numbersOf(node, found);
      const once = [...new Set(numbers)].sort((a, b) => a - b);
      expect({ stopAt, node, numbers }).toEqual({ stopAt, node, numbers: once });
      const acked = ackedOf(node);
      expect({ stopAt, node, kept: once.filter((number) => number <= acked).length }).toEqual({
        stopAt,
        node,
        kept: acked,
      });
    }
  }
  expect(stopAt).toBeGreaterThan(30);
  await live(0);
  const found = lines('all');
  for (const node of ['a', 'b', 'c']) {
    const expected = Array.from({ length: ackedOf(node) }, (_, n) => n + 1);
    expect({ node, numbers: numbersOf(node, found) }).toEqual({ node, numbers: expected });
  }
  expect(found.every((line) => /^[abc] \d+\n$/.test(line))).toBe(true);
}, 600_000);
