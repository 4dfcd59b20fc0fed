/**
 * What the actors ask of the world. Each interface has at most a handful of methods; `bus`, `net` and the simulator
 * implement them, the composition root plugs them in.
 */
import type { NodeInfo, ViewMessage } from '../core/agreement/messages.ts';
import type { Clock } from '../core/clock.ts';
import type { Decision, VipMessage } from '../core/duravip/messages.ts';
import type { Incarnation, LinkName } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import type { OrderedItem, ProgramMessage } from '../core/multicast/messages.ts';
import type { Random } from '../core/random.ts';
import type { ObjectMessage } from '../core/shared-object.ts';

export type LinkState = 'connecting' | 'up' | 'down' | 'closed';

/** One of the two bus connections. */
export interface LinkPort {
  readonly name: LinkName;
  readonly state: LinkState;
  onState(listener: (state: LinkState) => void): () => void;
}

/** Messages of view agreement on connection `m`. Sending returns false when the link is down: the message is gone. */
export interface ViewChannel {
  broadcast(message: ViewMessage): boolean;
  send(to: Incarnation, message: ViewMessage): boolean;
  /** Own messages are not delivered. Malformed ones are dropped and counted below (MSG-1). */
  onMessage(listener: (message: ViewMessage) => void): void;
  /** An own beat that came back over the bus: what this process sends gets through (LIFE-18). */
  onEcho(listener: (count: number) => void): void;
}

/** Messages of shared objects on connection `s`. */
export interface SharedChannel {
  broadcast(message: ObjectMessage): boolean;
  send(to: Incarnation, message: ObjectMessage): boolean;
  /** One listener an object; messages for objects nobody has here are dropped and counted (replication 3.12). */
  onMessage(object: string, listener: (message: ObjectMessage) => void): () => void;
}

/** Messages about floating addresses on connection `m`. Own ones are not delivered. */
export interface VipChannel {
  /** Decisions travel as ordered messages of the membership; here are their bytes. */
  encode(decision: Decision): Uint8Array;
  /** Undefined: not a decision. Never throws. */
  decode(bytes: Uint8Array): Decision | undefined;
  broadcast(message: VipMessage): boolean;
  send(to: Incarnation, message: VipMessage): boolean;
  onMessage(listener: (message: VipMessage) => void): void;
}

/** Messages between programs on connection `s`. Own ones are delivered too, when they come back (BUS-7). */
export interface ProgramChannel {
  /** What all members take in one order travels as ordered messages of the membership; here are its bytes. */
  encode(item: OrderedItem): Uint8Array;
  /** Undefined: something else. Never throws. */
  decode(bytes: Uint8Array): OrderedItem | undefined;
  broadcast(message: ProgramMessage): boolean;
  send(to: Incarnation, message: ProgramMessage): boolean;
  onMessage(listener: (message: ProgramMessage) => void): void;
}

/** Evidence from the NATS servers that a process is gone: both its connections ended by its own doing (BUS-21). */
export interface EvidencePort {
  onClosed(listener: (incarnation: Incarnation) => void): () => void;
}

/** Counters that a metrics endpoint reads. Names are those of docs/reference/metrics.md, without labels of keys. */
export interface Counters {
  add(name: string, by?: number): void;
}

/** Everything an actor system needs. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  readonly links: { readonly m: LinkPort; readonly s: LinkPort };
  readonly views: ViewChannel;
  readonly shared: SharedChannel;
  readonly evidence: EvidencePort;
  /** What this process tells others about itself. */
  readonly self: NodeInfo & { readonly number: number };
}
