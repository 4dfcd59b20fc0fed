/**
 * Floating addresses as `cluster duravip show` prints them (CMD-9), byte for byte as operators and their scripts know it.
 *
 * Invariant (INV-37): the text can be read back. Blanks, commas and slashes separate, so a name that holds one of them
 * is printed in quotes.
 */
import type { VipService } from '../core/duravip/vip.ts';
import { compareIps, type Ip } from '../core/duravip/vip.ts';
import type { ParticipantView, VipView } from '../core/duravip/vip-view.ts';
import type { Incarnation } from '../core/identity.ts';

/** `self`: the services behind the labels are those of this process. */
export function* vipLines(vips: Iterable<VipView>, self: Incarnation): Generator<string> {
  yield 'DuraVIP State:\n';
  for (const vip of vips) yield vipBlock(vip, self);
}

function vipBlock(vip: VipView, self: Incarnation): string {
  const local = vip.participants.find(({ member }) => member.incarnation === self);
  const lines = [
    `${[vip.ip, ...vip.names.map(word)].join('/')}: (${vip.labels.join(',')})${services(local?.words ?? [])}`,
    `\t[view stable for ${wholeSeconds(vip.viewAgeMs)} seconds]`,
    `\t[configuration stable for ${wholeSeconds(vip.ownerAgeMs)} seconds]`,
    ...followersOf(vip).map(({ ip, kinds }) => `\t-> ${ip}${services(kinds)}`),
    ...vip.participants.map(participantLine),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The asterisk stands at the owner, whichever node prints it (A1). */
function participantLine({ owner, member, words }: ParticipantView): string {
  return `${owner ? ' *  ' : '    '}\t${member.node}${services(words)}`;
}

function services(words: readonly string[]): string {
  return words.length === 0 ? '' : ` ${words.map(word).join(',')}`;
}

function word(text: string): string {
  return text === '' || /[\s"/,\p{Cc}]/u.test(text) ? JSON.stringify(text) : text;
}

export interface Follower {
  readonly ip: Ip;
  /** Of the listeners on it. */
  readonly kinds: readonly string[];
}

/** All that participants announce, in order of addresses. */
export function followersOf({ participants }: VipView): readonly Follower[] {
  const ips = [...new Set(participants.flatMap(({ followers }) => followers))];
  const all = ips.length === 0 ? [] : participants.flatMap((participant) => participant.services);
  return ips.sort(compareIps).map((ip) => ({ ip, kinds: kindsOn(ip, all) }));
}

function kindsOn(ip: Ip, all: readonly VipService[]): readonly string[] {
  const host = ip.includes(':') ? `[${ip}]:` : `${ip}:`;
  return [...new Set(all.filter(({ endpoint }) => endpoint.startsWith(host)).map(({ kind }) => kind))].sort();
}

/** An answer of many parts is written over many turns: what changed meanwhile is new, not from the future. */
export function wholeSeconds(ageMs: number): number {
  return Math.max(0, Math.floor(ageMs / 1000));
}
