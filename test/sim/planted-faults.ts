/**
 * Deliberate protocol faults: each one removes a safeguard, and the simulator has to notice. A checker that misses one
 * would miss the same mistake made by accident.
 *
 * A fault is a text replacement in one source file; the runner bundles the simulator with it and runs seeds until one
 * reports a violation.
 */
export interface PlantedFault {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The first seed that catches it, for the quick check in CI; only for faults that are caught early. */
  readonly seed?: number;
}

const agreement = 'src/core/agreement/agreement.ts';
const peers = 'src/core/agreement/peers.ts';
const stream = 'src/core/agreement/ordered-stream.ts';

export const plantedFaults: readonly PlantedFault[] = [
  {
    name: 'a laggard is left behind',
    file: agreement,
    find: 'if (this.#hasLaggard(nowMs))',
    replace: 'if (false)',
  },
  {
    name: 'nobody waits for a promise given to another proposer',
    file: agreement,
    find: 'if (nowMs - this.#promise.sinceMs < this.#options.failureTimeoutMs) return true;',
    replace: '',
  },
  {
    name: 'views that could be one are not merged',
    file: agreement,
    find: 'else this.#merge(nowMs, effects);',
    replace: '',
  },
  {
    name: "a message of another view's leader is applied",
    file: agreement,
    find: 'if (!sameViewId(message.view, this.#view.id)) return;\n    if (leaderOf',
    replace: 'if (leaderOf',
  },
  {
    name: 'a promise to a later ballot is forgotten',
    file: agreement,
    find: 'if (this.#promised && compareViewIds(ballot, this.#promised) < 0) return false;',
    replace: '',
  },
  {
    name: 'delivery goes on between promise and install',
    file: agreement,
    find: 'if (!this.#frozen) this.#deliverReady(effects);',
    replace: 'this.#deliverReady(effects);',
  },
  {
    name: 'the flush of a new view is empty',
    file: 'src/core/agreement/flush.ts',
    find: 'number > lowest && number <= upTo',
    replace: 'false',
  },
  {
    name: 'lost ordered messages are not asked for again',
    file: agreement,
    find: '    this.#askForLostEntries(beat, effects);\n',
    replace: '',
  },
  {
    name: 'ordered messages are dropped before all members have them',
    file: stream,
    find: 'if (number <= this.#stable) return;',
    replace: 'number = this.applied;\n    if (number <= this.#stable) return;',
  },
  {
    name: 'a gap in the ordered stream is skipped',
    file: stream,
    find: 'const entry = this.#early.get(this.applied + 1);',
    replace: 'const entry = this.#early.values().next().value;',
  },
  {
    name: 'one direction of hearing is enough',
    file: peers,
    find: 'return peer?.hearsMe === true && this.#isFresh',
    replace: 'return peer !== undefined && this.#isFresh',
  },
  {
    name: 'a member that is not heard stays in the view',
    file: agreement,
    find: 'if (!members.every((member) => this.#isWithMe(member.incarnation, nowMs))) return true;',
    replace: '',
  },
  {
    name: 'a view of its own incarnation number is reused after a restart',
    file: agreement,
    find: 'const ballot = { epoch: ++this.#epoch, coordinator: this.#self.incarnation, nonce: this.#nonce++ };',
    replace:
      'const ballot = { epoch: ++this.#epoch, coordinator: this.#self.node as Incarnation, nonce: 1 };',
  },
  {
    name: 'member order depends on who proposes',
    file: agreement,
    find: 'members: members.map((member) => this.#newest(member)).sort(compareProcesses),',
    replace: 'members: [this.#self, ...members.filter((member) => member.incarnation !== this.#self.incarnation)],',
  },
  {
    name: 'the goodbye of a process is ignored and its late beats count',
    file: 'src/core/agreement/peers.ts',
    find: "if (peer.gone || nowMs < peer.ignoredUntilMs || beat.count <= peer.beat.count) return 'ignored';",
    replace: 'peer.gone = false; peer.atMs = Number.POSITIVE_INFINITY;',
  },
  {
    name: 'a commit is sent before all members agreed',
    file: agreement,
    find: 'if (!proposal?.members.every((member) => proposal.oks.has(member.incarnation))) return;',
    replace: 'if (!proposal || proposal.oks.size * 2 <= proposal.members.length) return;',
  },
];
