/** What a node says that it let go of: up to which decision and in which view that holds. */
import { afterEach, expect, it, vi } from 'vitest';
import { Membership, type MembershipListener } from '../../../src/actors/membership.ts';
import { VipBus } from '../../../src/bus/vip-bus.ts';
import { encodeDecision } from '../../../src/bus/vip-codec.ts';
import type { ReleasedMessage } from '../../../src/core/duravip/messages.ts';
import type { ViewId } from '../../../src/core/view.ts';
import { Harbour } from './harbour.ts';

afterEach(() => vi.restoreAllMocks());

const [unknown, another] = ['10.9.0.99', '10.9.0.98'] as const;

/** One node that follows what the test has the leader decide, and tells at once that it has no such address. */
class Follower {
  readonly harbour: Harbour;
  readonly said: Pick<ReleasedMessage, 'upTo' | 'ips'>[] = [];
  readonly #listeners: readonly MembershipListener[];
  #sequence: number;

  private constructor(harbour: Harbour, listeners: readonly MembershipListener[]) {
    this.harbour = harbour;
    this.#listeners = listeners;
    this.#sequence = harbour.ownership('a').applied;
  }

  static async settled(): Promise<Follower> {
    const listeners: MembershipListener[] = [];
    const listen = vi.spyOn(Membership.prototype, 'listen');
    const harbour = await Harbour.settled('a');
    for (const [listener] of listen.mock.calls) listeners.push(listener);
    const follower = new Follower(harbour, listeners);
    vi.spyOn(VipBus.prototype, 'broadcast').mockImplementation((message) => {
      if (message.kind === 'released') follower.said.push({ upTo: message.upTo, ips: message.ips });
      return true;
    });
    return follower;
  }

  get view(): ViewId {
    return this.#member.view.id;
  }

  get #member(): Membership {
    return this.harbour.at('a').member.membership;
  }

  /** Its number. */
  isGiven(...ips: readonly string[]): number {
    const owner = this.harbour.at('a').incarnation;
    const sequence = ++this.#sequence;
    const assignments = ips.map((ip) => ({ ip, owner, reason: 'elected' as const }));
    const decision = encodeDecision({ verb: 'mature', sequence, matured: [], assignments });
    for (const listener of this.#listeners) listener.delivered?.(decision, sequence, this.#member.view);
    return sequence;
  }

  seesAgain(): void {
    const { view } = this.#member;
    const next = { ...view, id: { ...view.id, epoch: view.id.epoch + 1 } };
    for (const listener of this.#listeners) listener.viewInstalled?.(next, 'network', []);
  }
}

it('OWN-34 what came off in one turn is told together, with the last decision followed', async () => {
  const node = await Follower.settled();
  const applied = node.isGiven(unknown, another);
  await node.harbour.pass(1);
  expect(node.said).toEqual([{ upTo: { view: node.view, applied }, ips: [unknown, another] }]);
});

it('OWN-34 the next decision of the same turn does not count: what it gives back is not let go of', async () => {
  const node = await Follower.settled();
  const first = node.isGiven(unknown);
  const second = node.isGiven(another);
  await node.harbour.pass(1);
  expect(node.said).toEqual([
    { upTo: { view: node.view, applied: first }, ips: [unknown] },
    { upTo: { view: node.view, applied: second }, ips: [another] },
  ]);
});

it('OWN-34 a view that comes in the same turn does not count: it was let go of in the one before', async () => {
  const node = await Follower.settled();
  const applied = node.isGiven(unknown);
  node.seesAgain();
  await node.harbour.pass(1);
  expect(node.said[0]).toEqual({ upTo: { view: node.view, applied }, ips: [unknown] });
});
