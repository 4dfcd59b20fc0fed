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
    name: 'a missed commit is not asked for',
    file: agreement,
    find: 'if (this.#askForMissedCommit(nowMs, effects)) return;',
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
    name: 'edges between other members are not checked',
    file: agreement,
    find: 'if (!this.peers.edge(members[i]!, members[j]!, nowMs)) return true;',
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
    name: 'two processes of one name share a view',
    file: peers,
    find: 'if (a.node === b.node && a.type === b.type) return false;',
    replace: '',
  },
  {
    name: 'a commit is sent before all members agreed',
    file: agreement,
    find: 'if (!proposal?.members.every((member) => proposal.oks.has(member.incarnation))) return;',
    replace: 'if (!proposal || proposal.oks.size * 2 <= proposal.members.length) return;',
  },
];
