import { afterEach, expect, test } from 'vitest';
import { fuzzListener } from '../../fuzz/listener.fuzz.ts';
import { closeAll } from './fronts.ts';

afterEach(closeAll);

test('GOAL-R7 clients and services that behave in any way leave nothing counted and crash nothing', async () => {
  const { accepted, refused, echoed } = await fuzzListener(600, 11);
  expect(echoed).toBeGreaterThan(50);
  expect(accepted).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(10);
});
