/** Floating addresses made of plain data, for what the console shows of them. */
import type { DuravipFacts } from '../../../src/console/facts.ts';
import type { ParticipantView, VipView } from '../../../src/core/duravip/vip-view.ts';
import type { Process } from '../../../src/core/view.ts';
import { incarnation } from '../duravip/fleet.ts';

/** `labrat-4` has the number 4. */
export function process(node: string): Process {
  const number = Number(/\d+$/.exec(node)?.[0] ?? 9);
  return { incarnation: incarnation(node), type: 'Momentum', node, number, seniority: 1 };
}

export function participant(node: string, changes: Partial<ParticipantView> = {}): ParticipantView {
  return {
    member: process(node),
    owner: false,
    names: [],
    services: [],
    words: ['multivip'],
    preference: [],
    followers: [],
    capable: true,
    draining: false,
    stuck: false,
    ...changes,
  };
}

export function vipView(ip: string, changes: Partial<VipView> = {}): VipView {
  return {
    ip,
    names: [],
    labels: ['owned', 'safe'],
    owner: undefined,
    reason: 'elected',
    preferred: undefined,
    viewAgeMs: 60_000,
    ownerAgeMs: 30_000,
    participants: [],
    ...changes,
  };
}

export interface FakeDuravip extends Partial<DuravipFacts> {
  readonly all?: readonly VipView[];
}

export function fakeDuravip({ all = [], ...changes }: FakeDuravip): DuravipFacts {
  return {
    state: 'running',
    self: process('labrat-1').incarnation,
    members: [],
    lackOfQuorum: () => undefined,
    vips: (ips) => (ips ? all.filter(({ ip }) => ips.includes(ip)) : all),
    vip: (ip) => all.find((vip) => vip.ip === ip),
    named: (name) => all.filter(({ names }) => names.includes(name)).map(({ ip }) => ip),
    ownedBy: (member) => all.filter(({ owner }) => owner?.incarnation === member).map(({ ip }) => ip),
    ownerOf: (ip) => all.find((vip) => vip.ip === ip)?.owner,
    held: all.filter(({ labels }) => labels.includes('held')).map(({ ip }) => ip),
    hosts: () => [],
    history: () => [],
    planWithout: () => [],
    problems: async () => [],
    debugging: false,
    moveProblem: () => undefined,
    move: () => {},
    unhold: () => {},
    announce: () => all.length,
    release: () => 0,
    resume: () => false,
    debug: () => {},
    ...changes,
  };
}
