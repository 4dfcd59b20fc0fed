/**
 * The shape of the option schema: what an option and a scope say about themselves. Validation, fallback, defaults, the
 * console and the reference page all read the same tables; nothing about an option is written anywhere else.
 */
import type { FindingCode } from '../finding.ts';

export type OptionType =
  /** Not looked at. */
  | { readonly kind: 'any' }
  | { readonly kind: 'bool' }
  | { readonly kind: 'int'; readonly min: number; readonly max: number; readonly unit: Unit | undefined }
  | { readonly kind: 'real'; readonly min: number; readonly max: number; readonly unit: Unit | undefined }
  | { readonly kind: 'mode' }
  | { readonly kind: 'rate' }
  /** One of the words, without case; the value is the word as listed. */
  | { readonly kind: 'enum'; readonly words: readonly string[]; readonly code: FindingCode }
  /** Words joined by `;` in one string, with case (replication 3.6). */
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** `problem` is the semantic check behind the basic one, reported under `code`. */
  | {
      readonly kind: 'string';
      readonly problem?: (text: string) => string | undefined;
      readonly code?: FindingCode;
    }
  | { readonly kind: 'regex' }
  | { readonly kind: 'level' }
  | { readonly kind: 'ip' }
  /** An address or a host name, where `any` is set also `*`. */
  | { readonly kind: 'host'; readonly any: boolean }
  | { readonly kind: 'endpoint'; readonly hostNames: boolean }
  /** Node of the bus: address or host name, with or without port. */
  | { readonly kind: 'peer' }
  /** Server of the message bus: `nats://host:port`, `tls://host:port` or `host:port`. */
  | { readonly kind: 'server' }
  | { readonly kind: 'path' }
  /** Of a logger: path or URI. `pattern` ones hold `%{x}` and times (logging 10.3). */
  | { readonly kind: 'destination'; readonly pattern: boolean }
  | { readonly kind: 'format' }
  | { readonly kind: 'datasource' }
  | { readonly kind: 'list'; readonly of: OptionType; readonly alone: boolean; readonly nonEmpty: boolean }
  | { readonly kind: 'dictionary'; readonly of: OptionType; readonly key: RegExp | undefined };

export type Unit = 's' | 'bytes' | '1/s';

/** What a running process cannot change about itself without being another one for a moment, which a restart is. */
export const restartReasons = {
  name: 'who the node is to the others: with another one it is another member',
  agreed:
    'members count on it from the beginning of a view; while they had different ones, some would be taken for lost',
  link: 'connections to the bus are open with it; to open others is to leave the cluster for a moment',
  server: 'the NATS server of the node was started with it, and lives longer than the node',
  socket: 'a socket is open with it; to open it anew would turn clients away',
  table: 'tables were made with it, and what they hold would be lost',
  file: 'files are open with it, and others read them',
  process: 'the process became it when it began, and cannot go back',
  collector: 'what a manager collects is on its way into files that were opened with it',
} as const;

export type RestartReason = keyof typeof restartReasons;

export interface OptionSchema {
  /** As the documentation spells it; compared without case. */
  readonly name: string;
  /** Another accepted spelling. */
  readonly alias?: string;
  readonly type: OptionType;
  /** In configuration syntax. Absent: unset. */
  readonly default?: string;
  readonly text: string;
  /** Why a running process does not follow a change; without it a reload applies one at once. */
  readonly restart?: RestartReason;
  /** Shown on no console and in no log: whoever may ask what a node does may not be who may do it. */
  readonly isSecret?: true;
  /** Must be the same on all nodes. */
  readonly equal?: true;
  /**
   * Where it is looked for, most specific first, as paths of scope names; `global` is outside of all scopes. It is
   * valid in exactly these (CONF-5.2). Without it: only in the scopes that list it, without fallback.
   */
  readonly paths?: readonly string[];
  /** A scope in which the option never falls back, and its value when unset there. */
  readonly alone?: { readonly scope: string; readonly default: string };
  /** Accepted so that existing files load; has no effect here (CFG-2006). */
  readonly ignored?: true;
  /** Of an ignored one, what to use. */
  readonly instead?: string;
  /** Since when it is gone, and what took its place (CFG-2005). */
  readonly removed?: { readonly since: string; readonly replacement: string };
}

/** How the names of a scope's instances are written and compared. */
export type InstanceType =
  | 'plain'
  /** With case, no blanks, no colons, no expressions (CFG-2303). */
  | 'binding'
  /** Without case; `/regex/` matches several. */
  | 'domain'
  | 'endpoint'
  /** Longest prefix wins. */
  | 'prefix'
  /** As prefix; empty stands for every address. */
  | 'network';

export interface ScopeSchema {
  readonly name: string;
  readonly instance: 'none' | 'optional' | 'required';
  readonly instanceType: InstanceType;
  readonly text: string;
  readonly options: readonly OptionSchema[];
  readonly scopes: readonly ScopeSchema[];
  /** Accepted as a whole, its content is not looked at (CFG-2006). */
  readonly ignored?: true;
  /** Declaring the same instance twice is this error; for all others the declarations merge. */
  readonly twice?: FindingCode;
}

export const bool: OptionType = { kind: 'bool' };
export const mode: OptionType = { kind: 'mode' };
export const rate: OptionType = { kind: 'rate' };
export const text: OptionType = { kind: 'string' };
export const regex: OptionType = { kind: 'regex' };
export const level: OptionType = { kind: 'level' };
export const ip: OptionType = { kind: 'ip' };
export const path: OptionType = { kind: 'path' };
export const destination: OptionType = { kind: 'destination', pattern: false };

const most = Number.MAX_SAFE_INTEGER;

export function int(min: number, max = most, unit?: Unit): OptionType {
  return { kind: 'int', min, max, unit };
}

export function real(min: number, max = most, unit?: Unit): OptionType {
  return { kind: 'real', min, max, unit };
}

/** Whole seconds. */
export function seconds(min: number, max = most): OptionType {
  return int(min, max, 's');
}

/** Seconds with a fraction. */
export function duration(min: number, max = most): OptionType {
  return real(min, max, 's');
}

export function oneOf(words: readonly string[], code: FindingCode = 'CFG-2107'): OptionType {
  return { kind: 'enum', words, code };
}

export function listOf(of: OptionType, more: { alone?: boolean; nonEmpty?: boolean } = {}): OptionType {
  return { kind: 'list', of, alone: more.alone ?? false, nonEmpty: more.nonEmpty ?? false };
}

export function dictionaryOf(of: OptionType, key?: RegExp): OptionType {
  return { kind: 'dictionary', of, key };
}

export function checked(problem: (text: string) => string | undefined, code: FindingCode): OptionType {
  return { kind: 'string', problem, code };
}

/** What existing files of mail servers hold and what means nothing here; several names in one string. */
export function ignoredOptions(names: string, paths?: readonly string[]): OptionSchema[] {
  return names
    .split(/\s+/)
    .filter((name) => name !== '')
    .map((name) => ({
      name,
      type: { kind: 'any' },
      ignored: true,
      text: 'Of the mail server; accepted and ignored.',
      ...(paths === undefined ? {} : { paths }),
    }));
}

/** These options, as ones that a running process does not follow. */
export function afterRestart(
  reason: RestartReason,
  options: readonly OptionSchema[],
): readonly OptionSchema[] {
  return options.map((option) => ({ ...option, restart: reason }));
}

/** What each module understands. */
export const moduleOptions: readonly OptionSchema[] = [
  { name: 'enabled', type: bool, default: 'true', text: 'Whether the module is loaded.' },
  {
    name: 'debug_level',
    type: level,
    default: 'ERROR',
    ignored: true,
    instead: 'debug_level of cluster',
    text: 'Least severe level that the module of the original logs.',
  },
];

interface ScopeParts {
  readonly text: string;
  readonly twice?: FindingCode;
  readonly options?: readonly OptionSchema[];
  readonly scopes?: readonly ScopeSchema[];
}

/** `name { }` */
export function anonymous(name: string, parts: ScopeParts): ScopeSchema {
  return { name, instance: 'none', instanceType: 'plain', options: [], scopes: [], ...parts };
}

/** `name "instance" { }` */
export function named(name: string, instanceType: InstanceType, parts: ScopeParts): ScopeSchema {
  return { name, instance: 'required', instanceType, options: [], scopes: [], ...parts };
}

/** A module that may or may not be given a name. */
export function optionallyNamed(name: string, parts: ScopeParts): ScopeSchema {
  return { name, instance: 'optional', instanceType: 'plain', options: [], scopes: [], ...parts };
}
