import { expect, test } from 'vitest';
import { Turnstile } from '../../../examples/three-relays/turnstile.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('while held no step begins, and it is still when those under way have ended', async () => {
  const turnstile = new Turnstile();
  const done: string[] = [];
  let finish = () => {};
  const early = turnstile.pass(() => new Promise<void>((resolve) => (finish = resolve)));
  turnstile.hold();
  const late = turnstile.pass(async () => void done.push('late'));
  await turn();
  expect(turnstile.isStill).toBe(false);
  finish();
  await early;
  expect(turnstile.isStill).toBe(true);
  expect(done).toEqual([]);

  turnstile.release();
  await late;
  expect(done).toEqual(['late']);
});

test('who waited and was released goes on waiting when it is held again in the same turn', async () => {
  const turnstile = new Turnstile();
  const done: string[] = [];
  turnstile.hold();
  const step = turnstile.pass(async () => void done.push('step'));
  turnstile.release();
  turnstile.hold();
  await turn();
  expect(done).toEqual([]);
  expect(turnstile.isStill).toBe(true);
  turnstile.release();
  await step;
});

test('a step that fails is over, and its error is for who began it', async () => {
  const turnstile = new Turnstile();
  await expect(turnstile.pass(() => Promise.reject(new Error('no relay')))).rejects.toThrow('no relay');
  turnstile.hold();
  expect(turnstile.isStill).toBe(true);
});
