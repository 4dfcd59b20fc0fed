/**
 * Deliberate protocol faults: each one removes a safeguard, and the simulator has to notice. A checker that misses one
 * would miss the same mistake made by accident.
 *
 * A fault is a text replacement in a source file, or several where one safeguard covers for another; the runner bundles
 * the simulator with them and runs seeds, or one kept scenario, until there is a violation.
 */
import type { Fault, Scenario, TimedFault } from './faults.ts';
import type { ObjectKind } from './object-checker.ts';
import { SeededRandom } from './seeded-random.ts';

export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A scenario that provokes what random ones rarely do; it is run with one seed after another. */
export interface Schedule {
  readonly scenario: Omit<Scenario, 'seed'>;
  /** Only seeds with so much traffic that messages are under way whenever something breaks. */
  readonly busy: boolean;
}

export interface PlantedFault extends Edit {
  readonly name: string;
  /** Further edits that belong to the same fault. */
  readonly also?: readonly Edit[];
  /** A kept scenario that catches it, for faults that cost view changes but no truth. */
  readonly scenario?: string;
  readonly schedule?: Schedule;
  /** Caught with floating addresses only. */
  readonly vips?: boolean;
  /** Caught with these shared objects only. */
  readonly objects?: readonly ObjectKind[];
  /** A seed that catches it or comes shortly before one that does, for the quick check in CI. */
  readonly seed?: number;
  /** A seed that caught it, where so few do that any change of the code moves it: not for CI. */
  readonly rareSeed?: number;
}

const agreement = 'src/core/agreement/agreement.ts';
const peers = 'src/core/agreement/peers.ts';
const stream = 'src/core/agreement/ordered-stream.ts';
const flush = 'src/core/agreement/flush.ts';
const grouping = 'src/core/agreement/grouping.ts';
const proposal = 'src/core/agreement/proposal.ts';
const viewStream = 'src/core/agreement/view-stream.ts';
const membership = 'src/actors/membership.ts';

/** Two halves, each time others, find together again while every fifth message is lost: who proposes? */
const duels: Scenario['faults'] = [
  '000111',
  '010101',
  '011100',
  '001212',
  '012012',
  '000111',
  '100110',
  '010101',
].flatMap((sides, i) => [
  { atMs: 3_500 + 2_000 * i, fault: { kind: 'partition', sides: [...sides].map(Number) } },
  { atMs: 4_800 + 2_000 * i, fault: { kind: 'heal' } },
]);
/** The leader, with luck, dies while the others have not all got its last messages. */
const deadLeader: Scenario['faults'] = [
  lossFrom(4_000, 0.3),
  { atMs: 8_200, fault: { kind: 'kill', node: 0, downMs: 1_500 } },
];
const cutOneWay = reachWithout('0>2', '2>3');
const cutBothWays = reachWithout('0>2', '2>0', '1>2', '2>1');

const schedules = {
  duels: schedule(6, 19_500, [lossFrom(3_000, 0.2), ...duels]),
  busyDuels: busy(schedule(6, 19_500, [lossFrom(3_000, 0.2), ...duels])),
  naps: schedule(8, 20_000, naps(8)),
  cuts: schedule(10, 20_000, cuts(10)),
  busyCuts: busy(schedule(10, 20_000, cuts(10))),
  deadLeader: busy(schedule(3, 9_000, deadLeader)),
  cutOneWay: schedule(4, 7_000, [{ atMs: 6_000, fault: { kind: 'graph', reaches: cutOneWay } }], cutOneWay),
  cutBothWays: schedule(
    4,
    7_000,
    [{ atMs: 6_000, fault: { kind: 'graph', reaches: cutBothWays } }],
    cutBothWays,
  ),
} as const;

export const plantedFaults: readonly PlantedFault[] = [
  // --- agreeing on a view
  {
    name: 'a laggard neither asks nor is asked',
    seed: 5,
    schedule: schedules.duels,
    file: agreement,
    find: 'if (this.#hasLaggard(nowMs))',
    replace: 'if (nowMs < 0)',
    also: [{ file: agreement, find: 'if (this.#askForMissedCommit(nowMs, effects)) return;', replace: '' }],
  },
  {
    name: 'views that could be one are not merged',
    seed: 1,
    file: agreement,
    find: 'else this.#merge(scene, effects);',
    replace: '',
  },
  {
    name: 'views are merged although some of their members do not hear each other',
    seed: 5,
    file: grouping,
    find: 'const isWhole = union.every((a) => members.every((b) => peers.edge(a, b, nowMs)));',
    replace: 'const isWhole = true;',
    also: [
      {
        file: agreement,
        find: 'if (!members.every((member) => this.peers.mutual(member.incarnation, nowMs))) return false;',
        replace: '',
      },
    ],
  },
  {
    name: 'a promise to a later ballot is forgotten',
    seed: 154,
    schedule: schedules.duels,
    file: agreement,
    find: 'if (!this.#promises.allow(ballot)) return false;',
    replace: '',
  },
  {
    name: 'a promise never runs out',
    seed: 4,
    file: agreement,
    find: 'if (this.#promises.isOpen && !this.#promises.isOlderThan(failureTimeoutMs, nowMs)) return true;',
    replace: 'if (failureTimeoutMs > 0 && this.#promises.isOpen) return true;',
  },
  {
    name: 'a proposal is never given up',
    seed: 6,
    file: agreement,
    find: 'if (stillMutual && nowMs - this.#proposal.sinceMs < 2 * this.#options.beatIntervalMs) return true;',
    replace: 'if (nowMs >= 0) return true;',
  },
  {
    name: 'a proposer that promised to another goes on with its own proposal',
    seed: 33,
    schedule: schedules.naps,
    file: agreement,
    find: '    this.#proposal = undefined;\n    this.#promises.give',
    replace: '    this.#promises.give',
  },
  {
    name: 'a commit is sent before all members agreed',
    seed: 1,
    file: proposal,
    find: 'if (!this.members.every(({ incarnation }) => this.#oks.has(incarnation))) return undefined;',
    replace: 'if (this.#oks.size * 2 <= this.members.length) return undefined;',
  },
  {
    name: 'any commit is installed, promised or not',
    seed: 3,
    schedule: schedules.cuts,
    file: agreement,
    find: '!this.#promises.isHighest(commit.ballot) || ',
    replace: '',
  },
  {
    name: 'view ids come back after a restart',
    seed: 1,
    file: agreement,
    find: 'const ballot = { epoch: ++this.#epoch, coordinator: this.#self.incarnation, nonce: this.#nonce++ };',
    replace:
      'const ballot = { epoch: ++this.#epoch, coordinator: this.#self.node as Incarnation, nonce: 1 };',
  },
  {
    name: 'epochs of others are not adopted',
    seed: 1,
    file: agreement,
    find: 'this.#epoch = Math.max(this.#epoch, epoch);',
    replace: '',
  },
  {
    name: 'members are proposed in the order of their names',
    seed: 1,
    file: agreement,
    find: 'members.map((member) => this.#newest(member)).sort(compareProcesses);',
    replace: '[...members].sort((a, b) => (a.node < b.node ? -1 : 1));',
    also: [{ file: agreement, find: 'isInOrder && me !== undefined', replace: 'me !== undefined' }],
  },
  // --- hearing
  {
    name: 'one direction of hearing is enough',
    seed: 2,
    schedule: schedules.cutOneWay,
    file: peers,
    find: 'return peer?.hearsMe === true && this.#isFresh',
    replace: 'return peer !== undefined && this.#isFresh',
  },
  {
    // Without the time-out the cluster module's heartbeats would still tell, and after them the end of memory.
    name: 'silence proves nothing',
    seed: 1,
    schedule: schedules.cutBothWays,
    file: peers,
    find: "return !isSilent && peer.evidence === 'silent' && !peer.suspected && nowMs >= peer.distrustedUntilMs;",
    replace: "return peer.evidence === 'silent' && nowMs > 0;",
    also: [{ file: peers, find: 'const oldestMs = nowMs - 10 *', replace: 'const oldestMs = nowMs - 100 *' }],
  },
  {
    name: 'a member that is not heard stays in the view',
    seed: 7,
    schedule: schedules.duels,
    file: grouping,
    find: 'if (!members.every((member) => isWithMe(scene, member.incarnation))) return true;',
    replace: '',
  },
  {
    name: 'who moved to a view without this process still counts as a member',
    seed: 9,
    file: grouping,
    find: 'compareViewIds(shown, view.id) <= 0 || okayed.some((ballot) => sameViewId(ballot, shown))',
    replace: 'shown !== undefined',
  },
  {
    name: 'two processes of one name share a view',
    seed: 4,
    file: peers,
    find: 'if (a.node === b.node && a.type === b.type) return false;',
    replace: '',
    also: [
      {
        file: peers,
        find: 'return process.node === this.#node && process.type === this.#type;',
        replace: 'return false;',
      },
    ],
  },
  // --- ordered messages
  {
    name: "a message of another view's leader is applied",
    seed: 16,
    schedule: schedules.busyDuels,
    file: viewStream,
    find: "if (!sameViewId(view, this.#view.id)) return [{ kind: 'rejected', from, because: 'view' }];",
    replace: '',
  },
  {
    name: 'delivery goes on between promise and install',
    seed: 64,
    schedule: schedules.busyCuts,
    file: agreement,
    find: 'if (!this.#frozen) effects.push(...this.#stream.deliverReady());',
    replace: 'effects.push(...this.#stream.deliverReady());',
    also: [{ file: viewStream, find: 'if (upTo < this.#stream.applied) return false;', replace: '' }],
  },
  {
    name: 'the leader goes on ordering between promise and install',
    seed: 3,
    file: agreement,
    find: 'if (!this.isLeader || this.#frozen) return undefined;',
    replace: 'if (!this.isLeader) return undefined;',
    also: [{ file: viewStream, find: 'if (upTo < this.#stream.applied) return false;', replace: '' }],
  },
  {
    name: 'the flush of a new view is empty',
    seed: 8,
    schedule: schedules.deadLeader,
    file: flush,
    find: 'number > lowest && number <= upTo',
    replace: 'false',
  },
  {
    name: 'a member keeps what others may lack to itself',
    seed: 8,
    schedule: schedules.deadLeader,
    file: flush,
    find: 'unstable: [...stream.kept]',
    replace: 'unstable: []',
  },
  {
    name: 'members install without what the other survivors delivered',
    seed: 3,
    file: viewStream,
    find: 'while (this.#stream.applied < upTo) {',
    replace: 'while (upTo < 0) {',
  },
  {
    name: 'a commit is installed by who went on after its promise',
    seed: 64,
    schedule: schedules.busyCuts,
    file: viewStream,
    find: 'if (upTo < this.#stream.applied) return false;',
    replace: '',
  },
  {
    name: 'everybody in the new view is told to be a survivor of the old one',
    seed: 1,
    file: agreement,
    find: 'survivors: flush.survivors }',
    replace: 'survivors: commit.flush.flatMap(({ survivors }) => survivors) }',
  },
  {
    name: 'lost ordered messages are not asked for again',
    seed: 2,
    file: agreement,
    find: 'if (!this.#frozen) effects.push(...this.#stream.askForLost(beat));',
    replace: '',
  },
  {
    name: 'ordered messages are dropped before all members have them',
    seed: 48,
    schedule: schedules.deadLeader,
    file: stream,
    find: 'if (number <= this.#stable) return;',
    replace: 'number = this.applied;\n    if (number <= this.#stable) return;',
  },
  {
    name: 'a gap in the ordered stream is skipped',
    seed: 1,
    file: stream,
    find: 'const entry = this.#early.get(this.applied + 1);',
    replace: 'const entry = this.#early.values().next().value;',
  },
  {
    name: 'ordered messages of the old view count in the new one',
    seed: 1,
    file: agreement,
    find: 'this.#stream = new ViewStream(this.#view, this.#self.incarnation, this.#options.orderBacklog);',
    replace: '',
  },
  {
    name: 'the digest of the old view goes on in the new one',
    seed: 1,
    file: membership,
    find: '    this.#table = 0;\n',
    replace: '',
  },
  // --- as few views as possible
  {
    name: 'who notices a loss first takes itself for the lonely one',
    file: agreement,
    find: 'if (this.#losses.mayBeEarly(scene, group)) return;',
    replace: '',
    scenario: 'one-kill.json',
  },
  {
    name: 'the last beats of others keep a process alive that said goodbye',
    file: peers,
    find: 'if (this.#hasEnded(a.incarnation) || this.#hasEnded(b.incarnation)) return false;',
    replace: '',
    also: [{ file: agreement, find: 'if (this.#losses.mayBeEarly(scene, group)) return;', replace: '' }],
    scenario: 'one-stop.json',
  },
  {
    name: 'a process that wakes up tears members out of the newer view',
    file: agreement,
    find: 'if (this.#tearsWholeView(from, members, nowMs)) return false;',
    replace: '',
    scenario: 'one-pause.json',
  },
];

function schedule(
  nodes: number,
  chaosMs: number,
  faults: readonly TimedFault[],
  finalReach?: Scenario['finalReach'],
): Schedule {
  const scenario = { nodes, manager: false, servers: nodes, advisories: false, chaosMs, faults, finalReach };
  return { scenario, busy: false };
}

function busy({ scenario }: Schedule): Schedule {
  return { scenario, busy: true };
}

function lossFrom(atMs: number, probability: number): TimedFault {
  return { atMs, fault: { kind: 'loss', probability } };
}

/** Between four servers, all ways but these. */
function reachWithout(...cuts: readonly string[]): boolean[][] {
  const all = [0, 1, 2, 3];
  return all.map((from) => all.map((to) => !cuts.includes(`${from}>${to}`)));
}

/** Twice a second another cut, on one way only in most cases, or an end to all of them. */
function cuts(nodes: number): TimedFault[] {
  const random = new SeededRandom(1, 'cuts');
  const node = () => random.below(nodes);
  const oneWay = (): Fault => ({ kind: 'one-way', from: node(), to: node(), reaches: random.chance(0.3) });
  const heal = (): Fault => ({ kind: 'heal' });
  const split = (): Fault => ({
    kind: 'partition',
    sides: Array.from({ length: nodes }, () => random.below(2)),
  });
  return [lossFrom(1_500, 0.1), ...strokes(random, 500, [oneWay, oneWay, heal, split, heal])];
}

/** Three times a second somebody is not there for a moment, so that promises are given and answers come late. */
function naps(nodes: number): TimedFault[] {
  const random = new SeededRandom(3, 'naps');
  const node = () => random.below(nodes);
  const pause = (): Fault => ({ kind: 'pause', node: node(), forMs: 100 + random.below(600) });
  const linkBreak = (): Fault => ({ kind: 'link-break', node: node(), link: 'm', forMs: random.below(300) });
  const heal = (): Fault => ({ kind: 'heal' });
  const split = (): Fault => ({
    kind: 'partition',
    sides: Array.from({ length: nodes }, () => random.below(2)),
  });
  return [lossFrom(1_500, 0.05), ...strokes(random, 300, [pause, pause, linkBreak, heal, split])];
}

function strokes(random: SeededRandom, meanGapMs: number, kinds: readonly (() => Fault)[]): TimedFault[] {
  const faults: TimedFault[] = [];
  for (let atMs = 3_000; atMs < 20_000; atMs += meanGapMs / 2 + random.below(meanGapMs))
    faults.push({ atMs, fault: random.pick(kinds)() });
  return faults;
}
