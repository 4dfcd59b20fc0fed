/**
 * Who a process is: node name, incarnation, private names (rules ID-1 .. ID-22).
 *
 * Invariant: an incarnation belongs to one life of one process and is never used again. Names come back after a
 * restart, incarnations do not, so state is always keyed by incarnation.
 */
import type { Random } from './random.ts';

declare const incarnationBrand: unique symbol;
/** 128 random bits as 32 lower-case hexadecimal digits (ID-14). */
export type Incarnation = string & { readonly [incarnationBrand]: true };

/** Connection `m` carries membership, DuraVIP and console; `s` replicated data and log transfer (ID-16). */
export type LinkName = 'm' | 's';
export const linkNames: readonly LinkName[] = ['m', 's'];

/** What a member is: only `Momentum` members lead or own (MEM-6). */
export type MemberType = 'Momentum' | 'Manager' | 'Other';

export function newIncarnation(random: Random): Incarnation {
  return random.hex(16) as Incarnation;
}

export function isIncarnation(text: string): text is Incarnation {
  return /^[0-9a-f]{32}$/.test(text);
}

const namePattern = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/;
const reservedNodeNames = new Set(['global', 'default']);

/** Why a node name cannot be used, or undefined when it can (ID-3, ID-5). */
export function nodeNameProblem(name: string): string | undefined {
  if (name.length === 0 || name.length > 63) return `'${name}' must have 1 to 63 characters`;
  if (name !== name.toLowerCase()) return `'${name}' must be lower case`;
  if (!namePattern.test(name))
    return `'${name}' may hold only a-z, 0-9, '.', '_' and '-', and must begin and end with a letter or digit`;
  if (reservedNodeNames.has(name))
    return `'${name}' is reserved for a directory of the configuration working copy`;
  return undefined;
}

/** Why a subcluster name cannot be used, or undefined (ID-11): as a node name, without dots, not `global`. */
export function subclusterProblem(name: string): string | undefined {
  if (name === 'default') return undefined;
  if (name.includes('.')) return `'${name}' must not contain '.'`;
  return nodeNameProblem(name);
}

/** Why a group name cannot be used, or undefined (BUS-27). */
export function groupNameProblem(name: string): string | undefined {
  return /^[A-Za-z0-9_-]+$/.test(name) ? undefined : `'${name}' may hold only letters, digits, '_' and '-'`;
}

/** The number of private names: the process id, or a random one when it tells nothing (ID-18, ID-20). */
export function privateNumber(processId: number, random: Random, taken: (number: number) => boolean): number {
  let number = processId % 100_000;
  while (number <= 1 || taken(number)) number = Math.floor(random.next() * 100_000);
  return number;
}

/** `#ec0-08422#uhalehe` for a node, `#barca#barca` for a manager (ID-18, ID-19). */
export function privateName(link: LinkName, type: MemberType, number: number, node: string): string {
  if (type === 'Manager') return `#${node}#${node}`;
  return `#ec${link === 'm' ? 0 : 1}-${String(number).padStart(5, '0')}#${node}`;
}
