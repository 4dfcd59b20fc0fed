/**
 * What an operator reads behind an address: `(owned,safe,conflict)`. A label is a pure function of what live nodes
 * announce at this moment (STA-14), so it goes when its cause goes.
 *
 * The table keeps the same judgements up to date one change at a time; `labelsOf` is the definition it must equal.
 */
import { effectivePreference } from './preference.ts';
import type { Ip, VipAnnouncement, VipService } from './vip.ts';

export type Label =
  | 'owned'
  | 'unowned'
  | 'safe'
  | 'unsafe'
  | 'broken'
  | 'conflict'
  | 'held'
  | 'immature'
  | 'stuck';

/** What participants say about names and services of one address, each distinct saying once. */
export interface VipContent {
  readonly names: readonly string[];
  readonly services: readonly VipService[];
  readonly preference: readonly string[];
  readonly followers: readonly Ip[];
}

/** A live node, and all it announces. */
export interface LiveNode {
  readonly node: string;
  readonly vips: readonly VipAnnouncement[];
}

/** What the table knows of an address beyond announcements. */
export interface Standing {
  readonly owned: boolean;
  readonly held: boolean;
  readonly mature: boolean;
  readonly stuck: boolean;
}

export interface Judgement extends Standing {
  readonly unsafe: boolean;
  readonly broken: boolean;
  readonly conflict: boolean;
}

/** Labels in the order of CMD-9. Broken says more than unsafe and takes its place. */
export function labelWords(judgement: Judgement): readonly Label[] {
  const labels: Label[] = [judgement.owned ? 'owned' : 'unowned'];
  labels.push(judgement.broken ? 'broken' : judgement.unsafe ? 'unsafe' : 'safe');
  if (judgement.conflict) labels.push('conflict');
  if (judgement.held) labels.push('held');
  if (!judgement.mature) labels.push('immature');
  if (judgement.stuck) labels.push('stuck');
  return labels;
}

/** STA-8 to STA-15 from scratch. */
export function labelsOf(ip: Ip, live: readonly LiveNode[], standing: Standing): readonly Label[] {
  const participants = live.flatMap(({ node, vips }) => {
    const vip = vips.find((candidate) => candidate.ip === ip);
    return vip ? [{ node, vip }] : [];
  });
  const contents = participants.map(({ vip }) => vip);
  const elsewhere = (name: string) =>
    live.some(({ vips }) => vips.some((vip) => vip.ip !== ip && vip.names.includes(name)));
  const counts = (name: string) =>
    participants.some(({ node, vip }) => node === name && vip.capable && !vip.draining);
  const preferences = contents.map(({ preference }) => preference);
  return labelWords({
    ...standing,
    unsafe: isUnsafe(contents),
    broken: isBroken(contents, elsewhere),
    conflict: effectivePreference(preferences, counts).conflict,
  });
}

/** STA-9; and STA-12: a participant without a binding where others have one is unsafe, not broken. */
export function isUnsafe(contents: readonly VipContent[]): boolean {
  const first = contents[0];
  return contents.some(
    ({ names, services }) =>
      !sameServices(services, first!.services) || (names.length === 0) !== (first!.names.length === 0),
  );
}

/** STA-12. `elsewhere`: does a live node announce this binding name on another address? */
export function isBroken(contents: readonly VipContent[], elsewhere: (name: string) => boolean): boolean {
  const named = contents.filter(({ names }) => names.length > 0);
  return named.some(({ names }) => !sameTexts(names, named[0]!.names) || names.some(elsewhere));
}

/** Loops, not `every`: at a heal of big clusters these run a million times. */
export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function sameServices(a: readonly VipService[], b: readonly VipService[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i]!.kind !== b[i]!.kind || a[i]!.endpoint !== b[i]!.endpoint) return false;
  }
  return true;
}

export function sameContent(a: VipContent, b: VipContent): boolean {
  return (
    sameTexts(a.names, b.names) &&
    sameServices(a.services, b.services) &&
    sameTexts(a.preference, b.preference) &&
    sameTexts(a.followers, b.followers)
  );
}

/** `multivip` for a binding, then the kinds of listeners by alphabet, each once (STA-16). */
export function serviceWords(content: Pick<VipContent, 'names' | 'services'>): readonly string[] {
  const kinds = [...new Set(content.services.map(({ kind }) => kind))].sort();
  return content.names.length > 0 ? ['multivip', ...kinds] : kinds;
}
