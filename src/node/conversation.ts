/**
 * What the program of this node says to those of others, and hears of them (API-11, API-13): the same object over all
 * lives of the node in the cluster.
 *
 * Invariant: a group is joined once and stays joined, over broken links, new views and resets, until it is left (BUS-4).
 */
import type { Membership } from '../actors/membership.ts';
import type { MulticastOrder, ProgramHost, Programs } from '../actors/programs.ts';
import { FlotillaError } from '../core/errors.ts';
import { groupNameProblem } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import { membershipName, type Process, sharedName } from '../core/view.ts';
import { callGuarded } from './guarded-emitter.ts';

export type { MulticastOrder };

/** The node that a message comes from. */
export interface MessageSource {
  readonly node: string;
  /** `#ec0-08422#relay-1`: this life of its process; `send` answers it. */
  readonly privateName: string;
  /** It is this node itself. */
  readonly own: boolean;
}

/** All listeners get the same bytes: they must not be changed. */
export type MulticastListener = (payload: Uint8Array, from: MessageSource, order: MulticastOrder) => void;
export type MessageListener = (payload: Uint8Array, from: MessageSource) => void;
/** Undefined: it has nothing to say about this. */
export type StatsHandler = (
  what: string,
  from: MessageSource,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface ListenOptions {
  /** False: without what this node says itself (BUS-7). Default: true. */
  readonly own?: boolean;
}

const mostGroups = 64;
const mostGroupLetters = 64;
const mostCapabilityBytes = 1_024;
const mostWhatBytes = 256;
const bytesOf = (text: string) => new TextEncoder().encode(text).length;

interface Ear {
  readonly listener: MulticastListener;
  readonly own: boolean;
}

export class Conversation implements ProgramHost {
  readonly #log: Log;
  readonly #nodeGroups: () => readonly (string | undefined)[];
  readonly #joined = new Map<string, string>();
  readonly #ears = new Map<string, Set<Ear>>();
  readonly #privateEars = new Set<MessageListener>();
  readonly #statsHandlers = new Set<StatsHandler>();
  #programs: Programs | undefined;
  #membership: Membership | undefined;
  /** Some node said which groups its program has joined. */
  groupsStated: () => void = () => {};

  /** `nodeGroups`: groups of the nodes themselves, which programs cannot use. */
  constructor(nodeGroups: () => readonly (string | undefined)[], log: Log) {
    this.#nodeGroups = nodeGroups;
    this.#log = log;
  }

  /** A new life of the node begins. */
  follow(membership: Membership, programs: Programs): void {
    this.#membership = membership;
    this.#programs = programs;
    for (const [group, capabilities] of this.#joined) programs.join(group, capabilities).catch(() => {});
  }

  async join(group: string, capabilities: string): Promise<void> {
    this.#checkGroup(group);
    const bytes = bytesOf(capabilities);
    if (bytes > mostCapabilityBytes)
      throw new FlotillaError('FLT-1305', `${bytes} bytes of capabilities, at most ${mostCapabilityBytes}`);
    if (this.#joined.size >= mostGroups && !this.#joined.has(group))
      throw new FlotillaError('FLT-1305', `${mostGroups} groups are joined already`);
    this.#joined.set(group, capabilities);
    // The next life joins again.
    await this.#programs?.join(group, capabilities).catch(() => {});
  }

  async leave(group: string): Promise<void> {
    if (this.#joined.delete(group)) await this.#programs?.leave(group).catch(() => {});
  }

  async multicast(group: string, payload: Uint8Array, order: MulticastOrder): Promise<void> {
    this.#checkGroup(group);
    if (order === 'total') await this.#life.order(group, payload);
    else this.#life.multicast(group, payload);
  }

  async send(to: string, payload: Uint8Array): Promise<void> {
    const members = this.#membership?.view.members ?? [];
    const isMeant = (member: Process) =>
      member.node === to || membershipName(member) === to || sharedName(member) === to;
    const member = members.find(isMeant);
    if (!member) throw new FlotillaError('FLT-1208', to);
    this.#life.send(member.incarnation, payload);
  }

  onMulticast(group: string, listener: MulticastListener, { own = true }: ListenOptions): () => void {
    this.#checkGroup(group);
    const ear = { listener, own };
    const ears = this.#ears.get(group) ?? new Set();
    this.#ears.set(group, ears.add(ear));
    return () => {
      ears.delete(ear);
      if (ears.size === 0 && this.#ears.get(group) === ears) this.#ears.delete(group);
    };
  }

  onMessage(listener: MessageListener): () => void {
    this.#privateEars.add(listener);
    return () => void this.#privateEars.delete(listener);
  }

  onStatsRequest(handler: StatsHandler): () => void {
    this.#statsHandlers.add(handler);
    return () => void this.#statsHandlers.delete(handler);
  }

  async requestStats(what: string, limitMs: number): Promise<ReadonlyMap<string, Uint8Array>> {
    const bytes = bytesOf(what);
    if (bytes > mostWhatBytes)
      throw new FlotillaError('FLT-1204', `${bytes} bytes are more than ${mostWhatBytes}`);
    const answers = await this.#life.requestStats(what, limitMs);
    return new Map([...answers].map(([{ node }, payload]) => [node, payload]));
  }

  // --- as the host of `Programs` -------------------------------------------------------------------------------------

  received(payload: Uint8Array, process: Process, group: string | undefined, order: MulticastOrder): void {
    const from = this.#sourceOf(process);
    if (group === undefined) {
      for (const ear of this.#privateEars)
        callGuarded(this.#log, 'private messages', () => ear(payload, from));
      return;
    }
    for (const { listener, own } of this.#ears.get(group) ?? [])
      if (own || !from.own)
        callGuarded(this.#log, `the group ${group}`, () => listener(payload, from, order));
  }

  /** The first handler that has something to say. */
  readonly stats = async (what: string, process: Process): Promise<Uint8Array | undefined> => {
    const from = this.#sourceOf(process);
    for (const handler of this.#statsHandlers) {
      const answer = await handler(what, from);
      if (answer) return answer;
    }
    return undefined;
  };

  #sourceOf(process: Process): MessageSource {
    const own = process.incarnation === this.#membership?.self.incarnation;
    return { node: process.node, privateName: membershipName(process), own };
  }

  get #life(): Programs {
    if (!this.#programs) throw new FlotillaError('FLT-1204', 'the node has not joined yet');
    return this.#programs;
  }

  #checkGroup(group: string): void {
    const isTooLong = group.length > mostGroupLetters;
    const problem = isTooLong
      ? `'${group}' has more than ${mostGroupLetters} letters`
      : groupNameProblem(group);
    if (problem !== undefined) throw new FlotillaError('FLT-1206', problem);
    if (this.#nodeGroups().includes(group))
      throw new FlotillaError('FLT-1206', `'${group}' is a group of the nodes`);
  }
}
