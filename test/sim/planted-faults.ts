/**
 * Deliberate protocol faults: each one removes a safeguard, and the simulator has to notice. A checker that misses one
 * would miss the same mistake made by accident.
 *
 * A fault is a text replacement in a source file, or several where one safeguard covers for another; the runner bundles
 * the simulator with them and runs seeds, or one kept scenario, until there is a violation.
 */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface PlantedFault extends Edit {
  readonly name: string;
  /** Further edits that belong to the same fault. */
  readonly also?: readonly Edit[];
  /** A kept scenario that catches it, for faults that cost view changes but no truth. */
  readonly scenario?: string;
  /** A seed that catches it or comes shortly before one that does, for the quick check in CI. */
  readonly seed?: number;
}

const agreement = 'src/core/agreement/agreement.ts';
const peers = 'src/core/agreement/peers.ts';
const stream = 'src/core/agreement/ordered-stream.ts';
const flush = 'src/core/agreement/flush.ts';
const grouping = 'src/core/agreement/grouping.ts';
const proposal = 'src/core/agreement/proposal.ts';
const viewStream = 'src/core/agreement/view-stream.ts';
const membership = 'src/actors/membership.ts';

export const plantedFaults: readonly PlantedFault[] = [
  // --- agreeing on a view
  {
    name: 'a laggard neither asks nor is asked',
    seed: 7,
    file: agreement,
    find: 'if (this.#hasLaggard(nowMs))',
    replace: 'if (nowMs < 0)',
    also: [{ file: agreement, find: 'if (this.#askForMissedCommit(nowMs, effects)) return;', replace: '' }],
  },
  {
    name: 'a laggard is proposed as others remember it, not as it is',
    file: agreement,
    find: 'return this.peers.get(member.incarnation)?.process ?? member;',
    replace: 'return member;',
    also: [{ file: agreement, find: 'if (this.#askForMissedCommit(nowMs, effects)) return;', replace: '' }],
  },
  {
    name: 'views that could be one are not merged',
    file: agreement,
    find: 'else this.#merge(scene, effects);',
    replace: '',
  },
  {
    name: 'views are merged although some of their members do not hear each other',
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
    file: agreement,
    find: 'if (!this.#promises.allow(ballot)) return false;',
    replace: '',
  },
  {
    name: 'a promise never runs out',
    seed: 5,
    file: agreement,
    find: 'if (!this.#promises.isOlderThan(this.#options.failureTimeoutMs, nowMs)) return true;',
    replace: 'return true;',
  },
  {
    name: 'a proposal is never given up',
    file: agreement,
    find: 'if (stillMutual && nowMs - this.#proposal.sinceMs < 2 * this.#options.beatIntervalMs) return true;',
    replace: 'if (nowMs >= 0) return true;',
  },
  {
    name: 'a proposer that promised to another goes on with its own proposal',
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
    file: agreement,
    find: 'this.#epoch = Math.max(this.#epoch, epoch);',
    replace: '',
  },
  {
    name: 'members are proposed in the order of their names',
    file: agreement,
    find: 'members.map((member) => this.#newest(member)).sort(compareProcesses);',
    replace: '[...members].sort((a, b) => (a.node < b.node ? -1 : 1));',
    also: [{ file: agreement, find: 'isInOrder && me !== undefined', replace: 'me !== undefined' }],
  },
  // --- hearing
  {
    name: 'one direction of hearing is enough',
    file: peers,
    find: 'return peer?.hearsMe === true && this.#isFresh',
    replace: 'return peer !== undefined && this.#isFresh',
  },
  {
    name: 'silence proves nothing',
    file: peers,
    find: 'nowMs - peer.atMs < this.#limits.failureTimeoutMs &&',
    replace: '',
  },
  {
    name: 'a member that is not heard stays in the view',
    file: grouping,
    find: 'if (!members.every((member) => isWithMe(scene, member.incarnation))) return true;',
    replace: '',
  },
  {
    name: 'who moved to a view without this process still counts as a member',
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
    seed: 15,
    file: viewStream,
    find: '!sameViewId(view, this.#view.id) || leaderOf(this.#view)?.incarnation !== from',
    replace: 'leaderOf(this.#view)?.incarnation !== from',
  },
  {
    name: 'delivery goes on between promise and install',
    file: agreement,
    find: 'if (!this.#frozen) effects.push(...this.#stream.deliverReady());',
    replace: 'effects.push(...this.#stream.deliverReady());',
    also: [{ file: viewStream, find: 'if (upTo < this.#stream.applied) return false;', replace: '' }],
  },
  {
    name: 'the leader goes on ordering between promise and install',
    seed: 2,
    file: agreement,
    find: 'if (!this.isLeader || this.#frozen) return undefined;',
    replace: 'if (!this.isLeader) return undefined;',
    also: [{ file: viewStream, find: 'if (upTo < this.#stream.applied) return false;', replace: '' }],
  },
  {
    name: 'the flush of a new view is empty',
    file: flush,
    find: 'number > lowest && number <= upTo',
    replace: 'false',
  },
  {
    name: 'a member keeps what others may lack to itself',
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
    file: viewStream,
    find: 'if (upTo < this.#stream.applied) return false;',
    replace: '',
  },
  {
    name: 'everybody in the new view is told to be a survivor of the old one',
    file: agreement,
    find: 'survivors: flush.survivors }',
    replace: 'survivors: commit.flush.flatMap(({ survivors }) => survivors) }',
  },
  {
    name: 'lost ordered messages are not asked for again',
    file: agreement,
    find: 'if (!this.#frozen) effects.push(...this.#stream.askForLost(beat));',
    replace: '',
  },
  {
    name: 'ordered messages are dropped before all members have them',
    seed: 15,
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
    file: agreement,
    find: 'this.#stream = new ViewStream(this.#view, this.#self.incarnation, this.#options.orderBacklog);',
    replace: '',
  },
  {
    name: 'the digest of the old view goes on in the new one',
    file: membership,
    find: '    this.#table = 0;\n    counters',
    replace: '    counters',
  },
  // --- as few views as possible
  {
    name: 'who notices a loss first takes itself for the lonely one',
    file: agreement,
    find: 'if (this.#mayBeEarly(scene, group)) return;',
    replace: '',
    scenario: 'one-kill.json',
  },
  {
    name: 'the last beats of others keep a process alive that said goodbye',
    file: peers,
    find: 'if (this.#hasEnded(a.incarnation) || this.#hasEnded(b.incarnation)) return false;',
    replace: '',
    also: [{ file: agreement, find: 'if (this.#mayBeEarly(scene, group)) return;', replace: '' }],
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
