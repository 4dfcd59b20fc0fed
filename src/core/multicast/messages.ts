/**
 * What programs on the nodes say to each other (API-11, API-13), as plain data. The nodes carry it and look at nothing
 * but the envelope.
 */
import type { Incarnation } from '../identity.ts';
import type { ViewId } from '../view.ts';

/** To all members of a group, in the order of its sender. */
export interface Multicast {
  readonly kind: 'multicast';
  readonly from: Incarnation;
  /** Counts up in the sender's life, over all it sends in its own order. */
  readonly number: number;
  readonly group: string;
  readonly payload: Uint8Array;
}

/** To one process, in the order of its sender. */
export interface PrivateMessage {
  readonly kind: 'private';
  readonly from: Incarnation;
  readonly number: number;
  readonly payload: Uint8Array;
}

/** What takes its place in the one order of all members. */
export type Item =
  | {
      readonly kind: 'message';
      /** Counts up in the sender's life: nobody takes the same one twice, whatever views it was ordered in. */
      readonly id: number;
      readonly group: string;
      readonly payload: Uint8Array;
    }
  /** All groups that programs of the sender have joined. */
  | { readonly kind: 'groups'; readonly groups: readonly JoinedGroup[] };

export interface JoinedGroup {
  readonly group: string;
  /** What the program wants the other members to know of it. */
  readonly capabilities: string;
}

/** Items on their way to the leader, which gives them their places. */
export interface Submit {
  readonly kind: 'submit';
  readonly from: Incarnation;
  /** A leader of another view takes no notice: what was said in one view is never applied in another (BUS-11). */
  readonly view: ViewId;
  /** Number of the first one among all that the sender has submitted in this view; the others follow it. */
  readonly first: number;
  readonly items: readonly Item[];
}

/** As it travels in the ordered stream of the view (BUS-9). */
export interface OrderedItem {
  readonly from: Incarnation;
  readonly item: Item;
}

export interface StatsRequest {
  readonly kind: 'statsRequest';
  readonly from: Incarnation;
  readonly id: number;
  readonly what: string;
}

/** Also says that there is nothing to say, so that nobody waits for it. */
export interface StatsAnswer {
  readonly kind: 'statsAnswer';
  readonly from: Incarnation;
  readonly id: number;
  readonly payload: Uint8Array | undefined;
}

export type ProgramMessage = Multicast | PrivateMessage | Submit | StatsRequest | StatsAnswer;

export const maxMessageBytes = 1_048_576;
/** All members keep ordered messages until everybody has them, and send them once more when the view changes. */
export const maxOrderedBytes = 65_536;

/** What an item adds to a message, roughly. */
export function itemBytes(item: Item): number {
  if (item.kind === 'message') return item.payload.length;
  return item.groups.reduce((sum, { group, capabilities }) => sum + group.length + capabilities.length, 0);
}
