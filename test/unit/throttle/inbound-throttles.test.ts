/** Messages accepted on this node (replication 7.4, 7.6): which stanza counts for which pathway. */
import { describe, expect, it } from 'vitest';
import { InboundThrottles } from '../../../src/core/inbound-throttles.ts';
import { settingsOf } from '../config/checked.ts';

const configuration = `
  inbound_throttle_messages = "1/10"
  Pathway "plain" { }
  Pathway "own" { inbound_throttle_messages = "3/10" }
  Pathway_Group "g" {
    inbound_throttle_messages = "2/10"
    Pathway "first" { }
    Pathway "second" { }
    Pathway "free" { inbound_throttle_messages = "0" }
  }`;

let wallMs = 0;

function throttlesOf(text: string): InboundThrottles {
  wallMs = 1_000_000;
  return new InboundThrottles(settingsOf(text).inboundThrottles, () => wallMs);
}

describe('inbound throttles', () => {
  it('REP-7.4 REP-7.6 pathways that fall back to a stanza draw from it together', () => {
    const throttles = throttlesOf(configuration);
    const admitted = (...pathways: (string | undefined)[]) =>
      pathways.map((pathway) => throttles.take(pathway).waitMs === 0);
    expect(admitted('first', 'second', 'first')).toEqual([true, true, false]);
    expect(admitted('own', 'own', 'own', 'own')).toEqual([true, true, true, false]);
    expect(admitted('plain', undefined, 'unknown')).toEqual([true, false, false]);
    expect(admitted(...Array(9).fill('free'))).toEqual(Array(9).fill(true));
    expect(throttles.take('plain').waitMs).toBe(10_000);
    wallMs += 10_000;
    expect(admitted('plain', 'first')).toEqual([true, true]);
  });

  it('REP-7.9 a unit for a message that never came is given back within its window; one that was refused is none', () => {
    const throttles = throttlesOf('inbound_throttle_messages = "1/10"');
    const [taken, refused] = [throttles.take(), throttles.take()];
    refused.giveBack();
    expect(throttles.take().waitMs).toBeGreaterThan(0);
    taken.giveBack();
    const again = throttles.take();
    expect(again.waitMs).toBe(0);
    wallMs += 10_000;
    expect(throttles.take().waitMs).toBe(0);
    again.giveBack();
    expect(throttles.take().waitMs).toBeGreaterThan(0);
  });

  it('REP-7.5 without any there is no limit; another configuration counts with the next message', () => {
    const throttles = throttlesOf('');
    for (let i = 0; i < 100; i++) expect(throttles.take('x').waitMs).toBe(0);
    throttles.configure(settingsOf('inbound_throttle_messages = "1/10"').inboundThrottles);
    expect([throttles.take().waitMs, throttles.take().waitMs]).toEqual([0, 10_000]);
    throttles.configure(settingsOf('inbound_throttle_messages = "2/10"').inboundThrottles);
    expect(throttles.take().waitMs).toBe(0);
  });
});
