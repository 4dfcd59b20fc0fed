/**
 * What the programs of this process say to those of others (API-11, API-13): groups, multicasts in the order of their
 * sender or in one order for all, private messages, requests for statistics. One for each life in the cluster.
 *
 * Invariants: what is ordered reaches every member of the view once, in the same order, after what its sender had heard
 * before (BUS-8, BUS-9, BUS-11); nothing a program sends can crowd out decisions about addresses from the ordered stream.
 */
import type { Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Incarnation } from '../core/identity.ts';
import { Groups } from '../core/multicast/groups.ts';
import { HighWater } from '../core/multicast/high-water.ts';
import {
  type Item,
  itemBytes,
  maxMessageBytes,
  maxOrderedBytes,
  type OrderedItem,
  type ProgramMessage,
} from '../core/multicast/messages.ts';
import { Outbox, type Submission } from '../core/multicast/outbox.ts';
import { Sequencer } from '../core/multicast/sequencer.ts';
import type { MembershipSettings } from '../core/settings.ts';
import { leaderOf, memberOf, type Process, sameViewId, type View } from '../core/view.ts';
import type { Membership } from './membership.ts';
import type { ProgramChannel, World } from './ports.ts';
import { Questions, type StatsSource } from './questions.ts';

/** `sender`: as it left, lost where the bus breaks. `total`: the same for all members, and none is missing. */
export type MulticastOrder = 'sender' | 'total';

/** The program of this process, which outlives each of its lives in the cluster. */
export interface ProgramHost {
  /** To a group that it has joined, or private: `group` is undefined. */
  received(payload: Uint8Array, from: Process, group: string | undefined, order: MulticastOrder): void;
  /** Some process said which groups it has joined. Views have listeners of their own. */
  groupsStated(): void;
  readonly stats: StatsSource;
}

/** What programs need besides; without it they cannot talk. */
export interface ProgramPorts {
  readonly programs: ProgramChannel;
  readonly program: ProgramHost;
}

export type ProgramWorld = Pick<World, 'clock' | 'log' | 'counters' | 'self'> & ProgramPorts;
export type ProgramSettings = Pick<MembershipSettings, 'beatIntervalMs' | 'orderBacklog'>;

interface Settle {
  resolve(): void;
  reject(error: Error): void;
}

/** What waits for its place, and what members may lag behind because of programs. */
const mostWaiting = 1_024;
const mostWaitingBytes = 4 * 1_048_576;
const mostLagBytes = 1_048_576;
const mostSenders = 1_024;

export class Programs {
  readonly groups = new Groups();
  readonly #world: ProgramWorld;
  readonly #membership: Membership;
  readonly #settings: ProgramSettings;
  readonly #outbox = new Outbox();
  readonly #sequencer = new Sequencer();
  readonly #questions: Questions;
  /**
   * As told last. The membership is ahead of it while it delivers what is left of the view before: what is submitted then
   * would be taken for the first words of the new one.
   */
  #view: View;
  readonly #joined = new Map<string, string>();
  /** By the id of the message. */
  readonly #messages = new Map<number, Settle>();
  /** Until the others know which groups were joined. */
  readonly #statements: Settle[] = [];
  readonly #orderedIds = new HighWater(mostSenders);
  readonly #numbers = new HighWater(mostSenders);
  #lastId = 0;
  #lastNumber = 0;
  #retry: Timer | undefined;
  /** Something of ours has come back since the retry was set. */
  #moves = false;
  #stopped = false;

  constructor(world: ProgramWorld, membership: Membership, settings: ProgramSettings) {
    this.#world = world;
    this.#membership = membership;
    this.#settings = settings;
    this.#view = membership.view;
    this.#questions = new Questions(world, membership, world.program.stats);
    world.programs.onMessage((message) => this.#receive(message));
    membership.listen({
      viewInstalled: (view, _cause, survivors) => this.#viewInstalled(view, new Set(survivors)),
      delivered: (payload) => {
        const ordered = world.programs.decode(payload);
        if (ordered) this.#ordered(ordered);
      },
    });
  }

  /** Resolves when all members of the view know it. Joining again changes the capabilities. */
  join(group: string, capabilities: string): Promise<void> {
    this.#joined.set(group, capabilities);
    return this.#state();
  }

  /** Messages that have no place in the order yet. */
  get waiting(): number {
    return this.#outbox.size;
  }

  leave(group: string): Promise<void> {
    this.#joined.delete(group);
    return this.#state();
  }

  /**
   * In the one order of all members. Resolves when it was delivered here, which is when its place is certain.
   * @throws FlotillaError FLT-1204, FLT-1305
   */
  async order(group: string, payload: Uint8Array): Promise<void> {
    const id = this.#lastId + 1;
    const item: Item = { kind: 'message', id, group, payload };
    this.#checkSize(payload, maxOrderedBytes);
    const isFull =
      this.#outbox.size >= mostWaiting || this.#outbox.bytes + itemBytes(item) > mostWaitingBytes;
    if (isFull) {
      this.#world.counters.add('program_messages_refused_total');
      throw new FlotillaError('FLT-1305', `${this.#outbox.size} messages wait for their place already`);
    }
    this.#lastId = id;
    return this.#add(item, (settle) => this.#messages.set(id, settle));
  }

  /**
   * In the order of this sender, once at most.
   * @throws FlotillaError FLT-1204
   */
  multicast(group: string, payload: Uint8Array): void {
    this.#checkSize(payload, maxMessageBytes);
    const number = ++this.#lastNumber;
    const { self, programs } = this.#world;
    if (!programs.broadcast({ kind: 'multicast', from: self.incarnation, number, group, payload }))
      throw new FlotillaError('FLT-1204', 'the link is down');
  }

  /** @throws FlotillaError FLT-1204 */
  send(to: Incarnation, payload: Uint8Array): void {
    this.#checkSize(payload, maxMessageBytes);
    const number = ++this.#lastNumber;
    const { self, programs } = this.#world;
    if (!programs.send(to, { kind: 'private', from: self.incarnation, number, payload }))
      throw new FlotillaError('FLT-1204', 'the link is down');
  }

  /** What the programs of all members say, of those that have something to say. @throws FlotillaError FLT-1204 */
  requestStats(what: string, limitMs: number): Promise<ReadonlyMap<Process, Uint8Array>> {
    return this.#questions.ask(what, limitMs);
  }

  /** This life is over. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#questions.stop();
    const over = new FlotillaError('FLT-1204', 'the node has left the cluster');
    for (const settle of [...this.#messages.values(), ...this.#statements.splice(0)]) settle.reject(over);
    this.#messages.clear();
  }

  #checkLife(): void {
    if (this.#stopped) throw new FlotillaError('FLT-1204', 'the node has left the cluster');
  }

  #checkSize({ length }: Uint8Array, most: number): void {
    this.#checkLife();
    if (length > most) throw new FlotillaError('FLT-1204', `${length} bytes are more than ${most}`);
  }

  // --- in one order --------------------------------------------------------------------------------------------------

  #state(): Promise<void> {
    return this.#add(this.#statement, (settle) => this.#statements.push(settle));
  }

  get #statement(): Item {
    const groups = [...this.#joined].map(([group, capabilities]) => ({ group, capabilities }));
    return { kind: 'groups', groups };
  }

  async #add(item: Item, remember: (settle: Settle) => void): Promise<void> {
    this.#checkLife();
    return new Promise((resolve, reject) => {
      remember({ resolve, reject });
      this.#outbox.add(item);
      this.#submit(this.#outbox.next());
    });
  }

  #submit(submission: Submission | undefined): void {
    const view = this.#view;
    const from = this.#world.self.incarnation;
    const leader = leaderOf(view);
    this.#tryAgainLater();
    if (!submission || !leader || !sameViewId(view.id, this.#membership.view.id)) return;
    if (leader.incarnation === from) this.#take({ from, ...submission });
    else
      this.#world.programs.send(leader.incarnation, { kind: 'submit', from, view: view.id, ...submission });
  }

  #take(submission: Submission & { readonly from: Incarnation }): void {
    const most = { entries: Math.floor(this.#settings.orderBacklog / 2), bytes: mostLagBytes };
    this.#sequencer.take(submission, (item) =>
      this.#membership.order(this.#world.programs.encode(item), most),
    );
  }

  /** Whatever is lost on the way, refused for want of room, or said to a leader that has not got the view yet. */
  #tryAgainLater(): void {
    if (this.#retry || this.#outbox.size === 0 || this.#stopped) return;
    this.#moves = false;
    this.#retry = this.#world.clock.after(this.#settings.beatIntervalMs, () => {
      this.#retry = undefined;
      this.#submit(this.#moves ? this.#outbox.next() : this.#outbox.again());
    });
  }

  #viewInstalled(view: View, survivors: ReadonlySet<Incarnation>): void {
    this.#view = view;
    this.groups.viewInstalled(survivors);
    this.#sequencer.viewInstalled();
    this.#questions.viewInstalled();
    const hasStated = this.#joined.size > 0 || this.#statements.length > 0;
    this.#outbox.viewInstalled(hasStated ? this.#statement : undefined);
    this.#submit(this.#outbox.next());
  }

  #ordered({ from, item }: OrderedItem): void {
    const isOwn = from === this.#world.self.incarnation;
    if (isOwn) {
      this.#outbox.ordered();
      this.#moves = true;
    }
    if (item.kind === 'groups') this.#stated(from, item, isOwn);
    else {
      if (this.#orderedIds.passes(from, item.id)) this.#deliver(from, item.group, item.payload, 'total');
      if (isOwn) this.#settle(item.id);
    }
    if (isOwn) this.#submit(this.#outbox.next());
  }

  #stated(from: Incarnation, { groups }: Extract<Item, { kind: 'groups' }>, isOwn: boolean): void {
    this.groups.state(from, groups);
    this.#world.program.groupsStated();
    if (!isOwn || !this.#isKnown) return;
    for (const { resolve } of this.#statements.splice(0)) resolve();
  }

  /** What was ordered last is what was joined since. */
  get #isKnown(): boolean {
    const known = this.groups.of(this.#world.self.incarnation);
    const same = ([group, capabilities]: readonly [string, string]) => known.get(group) === capabilities;
    return known.size === this.#joined.size && [...this.#joined].every(same);
  }

  #settle(id: number): void {
    this.#messages.get(id)?.resolve();
    this.#messages.delete(id);
  }

  // --- in the order of the sender ------------------------------------------------------------------------------------

  #receive(message: ProgramMessage): void {
    const view = this.#view;
    if (this.#stopped) return;
    if (!memberOf(view, message.from)) {
      this.#world.counters.add('program_messages_dropped_total');
      return;
    }
    switch (message.kind) {
      case 'multicast':
        if (this.#numbers.passes(message.from, message.number))
          this.#deliver(message.from, message.group, message.payload, 'sender');
        return;
      case 'private':
        if (this.#numbers.passes(message.from, message.number))
          this.#deliver(message.from, undefined, message.payload, 'sender');
        return;
      case 'submit':
        if (sameViewId(message.view, view.id) && leaderOf(view)?.incarnation === this.#world.self.incarnation)
          this.#take(message);
        return;
      default:
        this.#questions.receive(message);
    }
  }

  #deliver(sender: Incarnation, group: string | undefined, payload: Uint8Array, order: MulticastOrder): void {
    const { program, self } = this.#world;
    const from = memberOf(this.#view, sender);
    const isForUs = group === undefined || this.groups.of(self.incarnation).has(group);
    if (from && isForUs) program.received(payload, from, group, order);
  }
}
