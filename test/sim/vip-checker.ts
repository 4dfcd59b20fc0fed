/**
 * Truths about floating addresses, seen from the segment (INV-2, INV-3, INV-14, INV-23, INV-26, R2, R3): who answers is
 * what the fake kernels say, not what the nodes believe.
 */
import type { Clock } from '../../src/core/clock.ts';
import type { FakeLan, FakeMachine } from '../../src/net/fake-lan.ts';
import type { SimNode } from './sim-node.ts';

export interface VipCheckerOptions {
  readonly lan: FakeLan;
  readonly clock: Clock;
  readonly ips: readonly string[];
  /** With it two machines never answer; without it they may while the bus is, or was just, cut anywhere. */
  readonly quorum: boolean;
  /** Since when all nodes could exchange beats without interruption. */
  readonly connectedSinceMs: () => number;
  readonly violate: (text: string) => void;
  readonly record: (text: string) => void;
}

/** Connected for so long, all nodes are in one view and only one has kept an address: views, claims, release. */
const healMs = 8_000;

export class VipChecker {
  readonly #options: VipCheckerOptions;

  constructor(options: VipCheckerOptions) {
    this.#options = options;
    options.lan.onAnswer = (ip, machines) => this.#answered(ip, machines);
  }

  #answered(ip: string, machines: readonly FakeMachine[]): void {
    const { quorum, violate, record } = this.#options;
    record(`answer ${ip} ${machines.map(({ name }) => name).join(' ') || '-'}`);
    if (machines.length < 2) return;
    const connectedForMs = this.#options.clock.nowMs() - this.#options.connectedSinceMs();
    const names = machines.map(({ name }) => name).join(' and ');
    if (quorum) violate(`INV-14 ${ip} is answered by ${names}`);
    else if (connectedForMs > healMs) violate(`INV-3 ${ip} is answered by ${names}`);
  }

  /** After everything is quiet and connected, and views have matured. */
  quiet(living: readonly SimNode[]): void {
    const { lan, ips, violate } = this.#options;
    const nodes = living.filter(({ options }) => options.type === 'Momentum');
    for (const { name, member } of nodes) {
      const { state } = member.ownership!;
      if (state !== 'leading' && state !== 'following') violate(`INV-26 ${name} is ${state}`);
    }
    const loads = new Map(nodes.map(({ name }) => [name, 0]));
    for (const ip of ips) {
      const machines = lan.answering(ip);
      const owners = new Set(nodes.map((node) => this.#ownerAt(node, ip)));
      const [owner] = owners;
      const shown = `${ip} is answered by ${machines.map(({ name }) => name).join(' and ') || 'nobody'}; tables say ${[...owners].join(', ')}`;
      if (owners.size !== 1) violate(`INV-1 ${shown}`);
      if (machines.length !== 1 || machines[0]!.name !== owner) violate(`INV-26 ${shown}`);
      else if (lan.neighbours.get(ip) !== machines[0]!.mac)
        violate(`R3 neighbours have another MAC: ${shown}`);
      if (owner !== undefined) loads.set(owner, (loads.get(owner) ?? 0) + 1);
    }
    const held = nodes.some(({ member }) => member.ownership!.table.rows.ordered.some((row) => row.held));
    const all = [...loads.values()];
    if (!held && Math.max(...all) - Math.min(...all) > 1)
      violate(`INV-23 loads are ${[...loads].map((entry) => entry.join(' ')).join(', ')}`);
  }

  #ownerAt(node: SimNode, ip: string): string | undefined {
    const { ownership, membership } = node.member;
    const owner = ownership!.table.ownerOf(ip);
    return membership.view.members.find(({ incarnation }) => incarnation === owner)?.node;
  }
}
