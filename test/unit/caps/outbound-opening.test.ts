/** Strict caps (replication 21.1): what the nodes together open, before any of them has heard of the others. */
import { describe, expect, it } from 'vitest';
import { OutboundConnections } from '../../../src/core/outbound-connections.ts';
import type { OutboundCapSettings, OutboundStanza } from '../../../src/core/outbound-settings.ts';
import type { PartitionPolicy } from '../../../src/core/throttle/shares.ts';
import { type OutboundOpening, openOutbound } from '../../../src/node/outbound-opening.ts';
import { Network } from '../throttle/network.ts';

const tenToGmail = { binding: 'b1', domain: 'gmail.com', address: '192.0.2.1' };
const caps = ['cluster_max_outbound_connections', 'cluster_scope_max_outbound_connections'] as const;

/** Eight nodes whose counters never reach the others. */
class Fleet {
  readonly network = new Network(8);
  readonly #connections: readonly OutboundConnections[];

  constructor(stanzas: readonly OutboundStanza[], strict: OutboundCapSettings['strict'] = caps) {
    const settings = { stanzas, groupOfBinding: new Map([['b1', 'bulk']]), objects: [], strict };
    this.#connections = this.network.nodes.map(() => new OutboundConnections(settings, new Map()));
  }

  connections(node: number): OutboundConnections {
    return this.#connections[node]!;
  }

  async open(node: number, connection = tenToGmail): Promise<OutboundOpening> {
    const { throttles } = this.network.nodes[node]!;
    const slots = {
      create: throttles.createSlots.bind(throttles),
      take: (name: string) =>
        new Promise<{ giveBack(): void } | undefined>((resolve) =>
          throttles.take(name, (waitMs) =>
            resolve(waitMs === 0 ? { giveBack: () => throttles.giveBack(name, 0) } : undefined),
          ),
        ),
    };
    const opening = openOutbound({ connections: () => this.connections(node), slots }, connection);
    return this.#settled(opening);
  }

  /** Each slot is asked for when the one before is had. */
  async #settled<T>(result: Promise<T>): Promise<T> {
    for (let turn = 0; turn < 20; turn++) {
      this.network.settle();
      await Promise.resolve();
    }
    return result;
  }
}

const global = (limits: OutboundStanza['limits']): OutboundStanza => ({ scope: {}, limits });

describe('strict connection caps', () => {
  it('REP-21.1 R4 a cap of 2 over 8 nodes is never 3, and what is closed can be opened by another', async () => {
    const fleet = new Fleet([global({ cluster_max_outbound_connections: 2 })]);
    const openings = await Promise.all(Array.from({ length: 8 }, (_, node) => fleet.open(node)));
    const open = openings.filter(({ allowed }) => allowed);
    expect(open).toHaveLength(2);
    expect(openings.find(({ allowed }) => !allowed)).toEqual({
      allowed: false,
      limit: 'cluster_max_outbound_connections',
      value: 2,
      count: 2,
      scope: 'global',
    });
    const other = openings.findIndex(({ allowed }) => !allowed);
    for (const opening of open) {
      if (opening.allowed) opening.close();
      // Twice is as good as once.
      if (opening.allowed) opening.close();
    }
    fleet.network.settle();
    const again = await Promise.all([other, other, other].map((node) => fleet.open(node)));
    expect(again.map(({ allowed }) => allowed)).toEqual([true, true, false]);
  });

  it('REP-21.1 without it each node knows only its own', async () => {
    const fleet = new Fleet([global({ cluster_max_outbound_connections: 2 })], []);
    const openings = await Promise.all(Array.from({ length: 8 }, (_, node) => fleet.open(node)));
    expect(openings.every(({ allowed }) => allowed)).toBe(true);
  });

  it('REP-21.1 REP-6.4 domains have slots of their own, and all caps of a connection must have one', async () => {
    const fleet = new Fleet([
      global({ cluster_max_outbound_connections: 2, cluster_scope_max_outbound_connections: 3 }),
      { scope: { group: 'bulk' }, limits: { cluster_scope_max_outbound_connections: 2 } },
    ]);
    const first = await fleet.open(0);
    expect(first.allowed).toBe(true);
    expect(await fleet.open(1, { ...tenToGmail, domain: 'yahoo.com' })).toMatchObject({ allowed: true });
    // Of the domain it had one, and gave it back.
    for (let i = 0; i < 3; i++)
      expect(await fleet.open(2)).toMatchObject({ allowed: false, value: 2, scope: 'binding_group bulk' });
    expect(await fleet.open(3, { ...tenToGmail, binding: 'b2' })).toMatchObject({ allowed: true });
    expect(await fleet.open(4, { ...tenToGmail, binding: 'b2', domain: 'a.b' })).toMatchObject({ value: 3 });
    if (first.allowed) first.close();
    fleet.network.settle();
    expect(await fleet.open(4)).toMatchObject({ allowed: true });
  });

  it('REP-21.1 REP-6.10 0 blocks without a slot, -1 needs none, and local caps hold as well', async () => {
    const blocked = new Fleet([global({ cluster_max_outbound_connections: 0 })]);
    expect(await blocked.open(0)).toMatchObject({ allowed: false, value: 0 });
    const local = new Fleet([global({ cluster_max_outbound_connections: -1, max_outbound_connections: 1 })]);
    const both = await Promise.all([local.open(0), local.open(0), local.open(1)]);
    expect(both.map(({ allowed }) => allowed)).toEqual([true, false, true]);
    expect(local.network.nodes[0]!.throttles.stats.throttles).toBe(0);
  });

  it('REP-21.7 while others are lost a cap admits what the policy of its stanza says', async () => {
    const capped = (partition: PartitionPolicy): OutboundStanza => ({
      ...global({ cluster_max_outbound_connections: 8 }),
      partition,
    });
    const policies = ['share', 'open', 'closed'] as const;
    const opened = policies.map(async (policy) => {
      const fleet = new Fleet([capped(policy)]);
      const { network } = fleet;
      const last = network.nodes.at(-1)!;
      network.propose([last]);
      last.install();
      const openings = [await fleet.open(7), await fleet.open(7)];
      return openings.filter(({ allowed }) => allowed).length;
    });
    expect(await Promise.all(opened)).toEqual([1, 2, 0]);
  });

  it('REP-21.1 a connection that cannot be counted keeps no slot, nor one refused while it waited', async () => {
    const fleet = new Fleet([global({ cluster_max_outbound_connections: 1, max_outbound_connections: 1 })]);
    await expect(fleet.open(0, { ...tenToGmail, address: 'nowhere' })).rejects.toMatchObject({
      code: 'FLT-1302',
    });
    const opening = fleet.open(0);
    fleet.connections(0).opened(tenToGmail);
    expect(await opening).toMatchObject({ allowed: false, limit: 'max_outbound_connections' });
    expect(await fleet.open(1)).toMatchObject({ allowed: true });
  });
});
