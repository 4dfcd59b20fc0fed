/**
 * `flotilla jlog OPTIONS PATH...`, the form of jlogctl that its manual knows: each path, then what was asked of it, in
 * the order in which jlogctl does it.
 */
import { resolve } from 'node:path';
import { fatalLine } from './fatal-line.ts';
import { clean, data, repair, subscriber } from './jlog.ts';
import { endWithThePipe, refusedBySystem } from './open-jlog.ts';

export interface OldFlags {
  readonly l?: true;
  readonly a?: string;
  readonly e?: string;
  readonly u?: string;
  readonly C?: string;
  readonly p?: string;
  readonly s?: true;
  readonly i?: true;
  readonly d?: true;
  readonly r?: true;
  readonly c?: true;
  readonly R?: true;
  readonly v?: true;
}

/** The worst of the exit codes: one journal that cannot be opened does not keep the others. */
export async function oldForm(paths: readonly string[], flags: OldFlags): Promise<number> {
  endWithThePipe();
  let exitCode = 0;
  for (const path of paths) {
    if (!flags.c) process.stdout.write(`${path}\n`);
    try {
      exitCode = Math.max(exitCode, await oneJournal(resolve(path), flags));
    } catch (error) {
      process.stderr.write(`${fatalLine(refusedBySystem(resolve(path), error))}\n`);
      exitCode = 1;
    }
  }
  return exitCode;
}

async function oneJournal(path: string, flags: OldFlags): Promise<number> {
  const { a, e, u, C, p, v } = flags;
  const verbose = v ? { v } : {};
  const at = C === undefined ? {} : { C };
  const steps: (() => Promise<number>)[] = [];
  if (flags.R) steps.push(() => repair(path, verbose));
  if (a !== undefined) steps.push(() => subscriber(path, { a, ...at, ...verbose }));
  if (u !== undefined) steps.push(() => subscriber(path, { u, ...at, ...verbose }));
  if (e !== undefined) steps.push(() => subscriber(path, { e, ...verbose }));
  if (flags.c) steps.push(() => clean(path, verbose));
  else {
    if (p !== undefined) steps.push(() => subscriber(path, { p, ...verbose }));
    if (flags.s) steps.push(() => subscriber(path, verbose));
    const { l, i, d, r } = flags;
    if (l || i || d || r)
      steps.push(() => data(path, { ...(i && { i }), ...(d && { d }), ...(r && { r }), ...verbose }));
  }
  let exitCode = 0;
  for (const step of steps) exitCode = Math.max(exitCode, await step());
  return exitCode;
}
