/**
 * Nodes with a table each, by hand and without a bus: the test forms views, lets time pass and asks leaders to decide.
 * Member order is the order of names.
 */
import {
  type DecisionContent,
  decideBalance,
  decideMature,
  maturable,
} from '../../../src/core/duravip/decisions.ts';
import type { Claims, Ip, VipAnnouncement } from '../../../src/core/duravip/vip.ts';
import type { MergeOutcome, OwnerChange, VipTableSettings } from '../../../src/core/duravip/vip-table.ts';
import { VipTable } from '../../../src/core/duravip/vip-table.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { Process } from '../../../src/core/view.ts';

export const matureMs = 5_000;
const settings: VipTableSettings = { matureMs, orphanMatureMs: 0, brokenPolicy: 'release' };

export function vip(ip: Ip, changes: Partial<VipAnnouncement> = {}): VipAnnouncement {
  return {
    ip,
    names: [`name-${ip}`],
    services: [],
    preference: [],
    followers: [],
    capable: true,
    draining: false,
    ...changes,
  };
}

/** `10.0.0.1` ... */
export function address(number: number): Ip {
  return `10.0.${number >> 8}.${number & 255}`;
}

export function addresses(count: number): readonly Ip[] {
  return Array.from({ length: count }, (_, i) => address(i + 1));
}

export function incarnation(name: string, life = 0): Incarnation {
  const hex = Buffer.from(name).toString('hex');
  return `${hex}${String(life)}`.padEnd(32, '0') as Incarnation;
}

export interface FleetNode {
  readonly name: string;
  readonly process: Process;
  readonly table: VipTable;
  vips: readonly VipAnnouncement[];
  sequence: number;
}

export class Fleet {
  nowMs = 0;
  readonly nodes = new Map<string, FleetNode>();
  /** Names of the nodes of each component; the first one leads. */
  components: readonly (readonly string[])[] = [];
  readonly #settings: VipTableSettings;
  #lives = 0;

  constructor(changes: Partial<VipTableSettings> = {}) {
    this.#settings = { ...settings, ...changes };
  }

  /** `'a b c'`, all with the same addresses. */
  static of(names: string, vips: readonly VipAnnouncement[], changes: Partial<VipTableSettings> = {}): Fleet {
    const fleet = new Fleet(changes);
    for (const name of names.split(' ')) fleet.start(name, vips);
    fleet.views(names);
    return fleet;
  }

  /** A new life of a node, in no view yet. */
  start(name: string, vips: readonly VipAnnouncement[]): void {
    const process: Process = {
      incarnation: incarnation(name, ++this.#lives),
      type: 'Momentum',
      node: name,
      number: 1,
      seniority: 1,
    };
    this.nodes.set(name, { name, process, table: new VipTable(this.#settings), vips, sequence: 1 });
  }

  at(name: string): FleetNode {
    return this.nodes.get(name)!;
  }

  id(name: string): Incarnation {
    return this.at(name).process.incarnation;
  }

  /** Each text is one component; who is in none is gone. */
  views(...components: readonly string[]): ReadonlyMap<string, MergeOutcome> {
    this.components = components.map((names) => names.split(' ').sort());
    const outcomes = new Map<string, MergeOutcome>();
    for (const names of this.components) {
      const nodes = names.map((name) => this.at(name));
      const members = nodes.map(({ process }) => process);
      for (const { table } of nodes) table.applyView(members, this.nowMs);
      const claims = nodes.map((node) => this.claimsOf(node));
      for (const { name, table } of nodes) {
        for (const node of nodes) table.announced(this.announcementOf(node), this.nowMs);
        outcomes.set(name, table.merge(claims, this.nowMs));
      }
    }
    return outcomes;
  }

  claimsOf({ process, sequence, table }: FleetNode): Claims {
    return table.claimsOf(process.incarnation, { announced: sequence, stuck: [], leaseMs: 800 });
  }

  announcementOf({ process, sequence, vips }: FleetNode) {
    return { from: process.incarnation, sequence, vips };
  }

  announce(name: string, vips: readonly VipAnnouncement[]): void {
    const node = this.at(name);
    node.vips = vips;
    node.sequence++;
    for (const other of this.componentOf(name)) {
      this.at(other).table.announced(this.announcementOf(node), this.nowMs);
    }
  }

  /** One address of one node changes. */
  change(name: string, ip: Ip, changes: Partial<VipAnnouncement>): void {
    this.announce(
      name,
      this.at(name).vips.map((each) => (each.ip === ip ? { ...each, ...changes } : each)),
    );
  }

  componentOf(name: string): readonly string[] {
    return this.components.find((names) => names.includes(name)) ?? [];
  }

  leaderOf(name: string): VipTable {
    return this.at(this.componentOf(name)[0]!).table;
  }

  /** All members of the component of `name` apply what its leader decided. */
  decide(name: string, content: DecisionContent): readonly OwnerChange[] {
    let changes: readonly OwnerChange[] = [];
    for (const member of this.componentOf(name))
      ({ changes } = this.at(member).table.apply(content, this.nowMs));
    return changes;
  }

  /** What leaders may decide about maturity is decided until nothing is left for now. */
  sweep(): readonly OwnerChange[] {
    const changes: OwnerChange[] = [];
    for (const [first] of this.components) {
      for (;;) {
        const table = this.leaderOf(first!);
        const due = maturable(table, this.nowMs, () => false);
        if (due.orphans.length + due.mature.length === 0) break;
        changes.push(...this.decide(first!, decideMature(table, due, this.nowMs)));
      }
    }
    return changes;
  }

  pass(ms: number): readonly OwnerChange[] {
    this.nowMs += ms;
    return this.sweep();
  }

  /** `'1 a>c'` for each move of one round, by the last number of the address. */
  balance(name: string, limit = 1): readonly string[] {
    const changes = this.decide(name, decideBalance(this.leaderOf(name), limit));
    return changes.map(
      ({ ip, from, to }) => `${ip.split('.').at(-1)} ${this.nameOf(from)}>${this.nameOf(to)}`,
    );
  }

  nameOf(member: Incarnation | undefined): string {
    for (const { name, process } of this.nodes.values()) if (process.incarnation === member) return name;
    return member === undefined ? '-' : '?';
  }

  /** `'a: 1 4, b: 2 5'` as one member sees it, in its own view. */
  seenBy(name: string): string {
    const { table } = this.at(name);
    return this.componentOf(name)
      .map((member) => {
        const numbers = table.ownedBy(this.id(member)).map((ip) => Number(ip.split('.').at(-1)));
        return `${member}: ${numbers.join(' ') || '-'}`;
      })
      .join(', ');
  }

  /** The same from all members of the component, who must agree. */
  owners(name: string): string {
    const all = new Set(this.componentOf(name).map((member) => this.seenBy(member)));
    return [...all].join(' | ');
  }
}
