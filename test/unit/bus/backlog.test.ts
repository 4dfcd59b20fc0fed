import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../src/bus/backlog.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

const limits = { maxMessages: 100, maxBytes: 10_000, stuckAfterMs: 1_000 };

/** A backlog whose round trips are answered by hand, oldest first. */
function backlog() {
  const clock = new VirtualClock();
  const asked: (() => void)[] = [];
  const gauge = new Backlog(limits, clock, () => new Promise((resolve) => asked.push(resolve)));
  const answer = async () => {
    asked.shift()?.();
    await Promise.resolve();
  };
  return { clock, gauge, asked, answer };
}

describe('backlog of a connection', () => {
  it('always: what is admitted and not yet proven read stays within both bounds', async () => {
    const step = fc.oneof(fc.record({ bytes: fc.nat({ max: 3_000 }) }), fc.constant('answer' as const));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
        const { gauge, asked, answer } = backlog();
        let [waiting, covered] = [
          { messages: 0, bytes: 0 },
          { messages: 0, bytes: 0 },
        ];
        let hasAsked = false;
        for (const step of steps) {
          if (step === 'answer') {
            if (!hasAsked) continue;
            await answer();
            waiting = { messages: waiting.messages - covered.messages, bytes: waiting.bytes - covered.bytes };
            hasAsked = false;
          } else {
            if (gauge.admit(step.bytes) === 'admitted') {
              waiting = { messages: waiting.messages + 1, bytes: waiting.bytes + step.bytes };
            }
            if (!hasAsked && asked.length > 0) {
              hasAsked = true;
              covered = { ...waiting };
            }
          }
          expect(waiting.messages).toBeLessThanOrEqual(limits.maxMessages);
          expect(waiting.bytes).toBeLessThanOrEqual(limits.maxBytes);
        }
      }),
    );
  });

  it('a quiet link asks for no round trip', () => {
    const { gauge, asked } = backlog();
    for (let i = 0; i < 25; i++) gauge.admit(1);
    expect(asked).toHaveLength(0);
    gauge.admit(1);
    gauge.admit(1);
    expect(asked).toHaveLength(1);
  });

  it('BUS-3 full at the bound, free again after the answer, stuck when the answer does not come in time', async () => {
    const { clock, gauge, answer } = backlog();
    for (let i = 0; i < 100; i++) expect(gauge.admit(1)).toBe('admitted');
    expect(gauge.admit(1)).toBe('full');
    await answer();
    expect(gauge.admit(1)).toBe('admitted');
    while (gauge.admit(1) === 'admitted');
    clock.runUntil(1_000);
    expect(gauge.admit(1)).toBe('full');
    clock.runUntil(1_001);
    expect(gauge.admit(1)).toBe('stuck');
  });

  it('a round trip proves only what was sent before it', async () => {
    const { gauge, answer } = backlog();
    for (let i = 0; i < 100; i++) gauge.admit(1);
    await answer();
    let admitted = 0;
    while (gauge.admit(1) === 'admitted') admitted++;
    expect(admitted).toBe(26);
  });
});
