/**
 * What the nodes of one quota object tell each other, as plain data.
 *
 * All numbers are absolute within their window ("you have been granted 7 in all"), so every message can be lost, repeated
 * or overtaken. Every message about grants belongs to a view and means nothing in another one (replication 7.18, 7.20).
 */
import type { Incarnation } from '../identity.ts';
import type { ReplicaType } from '../settings.ts';
import type { ViewId } from '../view.ts';
import type { Rate } from './rate.ts';
import type { LostNode, PartitionPolicy } from './shares.ts';

interface SurveyHeader {
  readonly object: string;
  /** A message for an object of another type here is dropped (replication 3.12). */
  readonly type: ReplicaType;
  readonly from: Incarnation;
}

interface Header extends SurveyHeader {
  readonly view: ViewId;
}

/** One limit in one of its windows. */
interface LimitWindow {
  readonly id: string;
  readonly rate: Rate;
  readonly window: number;
}

/** "Give me more." To the account holder. */
export interface QuotaAsk extends Header, LimitWindow {
  readonly kind: 'ask';
  /** The asker's own rate; `rate`, in whose windows it speaks, may be the smaller one of somebody else. */
  readonly own: Rate;
  readonly epsilon: number;
  readonly partition: PartitionPolicy;
  /** What the asker knows it was granted. */
  readonly granted: number;
  /** Of these, slots it has given back; 0 for units of windows. */
  readonly released: number;
  /** Units it wants beyond that. */
  readonly want: number;
}

/** "Write this down, then pass it on." From the account holder to its deputy. */
export interface QuotaRecord extends Header, LimitWindow {
  readonly kind: 'record';
  readonly to: Incarnation;
  readonly granted: number;
  readonly released: number;
  /** Nothing remains for it in this window. */
  readonly exhausted: boolean;
}

/** The same, from the deputy to the asker. */
export interface QuotaGrant extends Header, LimitWindow {
  readonly kind: 'grant';
  readonly granted: number;
  readonly released: number;
  readonly exhausted: boolean;
}

/** What somebody has been granted, as the reporter knows it: itself, and others from accounts it keeps or has kept. */
export interface ReportItem extends LimitWindow {
  readonly to: Incarnation;
  readonly granted: number;
  readonly released: number;
}

/** To every other member at the beginning of a view, also when there is nothing to tell. */
export interface QuotaReport extends Header {
  readonly kind: 'report';
  /** 0 .. parts - 1. */
  readonly part: number;
  readonly parts: number;
  readonly items: readonly ReportItem[];
  /** Whom the reporter has lost: who has begun since then knows of nobody. In part 0. */
  readonly lost: readonly LostNode[];
}

/** "I have your whole report." */
export interface QuotaReported extends Header {
  readonly kind: 'reported';
}

/** About grants. */
export type DeskMessage = QuotaAsk | QuotaRecord | QuotaGrant | QuotaReport | QuotaReported;

/** "What do you use of your throttles?" For `cluster shared show`. */
export interface UsesAsk extends SurveyHeader {
  readonly kind: 'uses-ask';
  readonly request: number;
}

/** What a node uses of one limit in the running window. */
export interface ThrottleUse {
  readonly id: string;
  readonly rate: Rate;
  readonly used: number;
}

export interface Uses extends SurveyHeader {
  readonly kind: 'uses';
  readonly request: number;
  /** 0 .. parts - 1. */
  readonly part: number;
  readonly parts: number;
  readonly items: readonly ThrottleUse[];
}

export type SurveyMessage = UsesAsk | Uses;

export type QuotaMessage = DeskMessage | SurveyMessage;
