/**
 * `Security { user }` (CONF-8.8): a process that was started as root becomes that user before it opens anything, and keeps the
 * few capabilities that it needs for as long as it lives. See docs/decisions/0025-whom-a-process-becomes.md.
 *
 * Invariants: the process id, standard streams and environment stay; there is no moment in which some threads are root and
 * others are not, because the whole program begins anew; whoever asked for a user never gets root instead.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { capabilitiesIn } from '../core/capability-names.ts';
import { FlotillaError } from '../core/errors.ts';
import type { ProcessUserSettings } from '../core/settings.ts';
import { type Account, accountOf, becomeProgram } from '../net/linux/own-process.ts';
import { findTool } from '../net/linux/system-tools.ts';
import type { Reach, Wish } from './reachable.ts';

export interface UserChange {
  readonly wanted: ProcessUserSettings;
  /** Kept of root, where none are stated. */
  readonly needed: readonly string[];
  /** What it has to reach as the user with this number. */
  readonly reach: (uid: number) => readonly Reach[];
  /** About what does not keep it from starting. */
  readonly warn: (text: string) => void;
}

/** What it takes of root to become somebody else. */
const toChange = ['cap_setuid', 'cap_setgid', 'cap_setpcap'];

/**
 * Returns when this process is the user already, or cannot become anybody because it is not root.
 * @throws FlotillaError FLT-1106
 */
export function becomeUser({ wanted, needed, reach, warn }: UserChange): void {
  const account = accountOf(wanted.user);
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) {
    if (account?.uid !== uid)
      warn(
        `Security { user = ${wanted.user} } has no effect: the process was started as ${ownName(uid)}, not as root`,
      );
    return;
  }
  if (!account)
    throw impossible(`there is no user '${wanted.user}' on this machine: make it, or name another`);
  if (account.uid === 0) return;
  const setpriv = findTool('setpriv');
  if (setpriv === undefined) throw impossible('the program setpriv is missing: apt-get install util-linux');
  const words = changing(wanted, account, keptOf(wanted.capabilities, needed, warn));
  const environment = { ...process.env, USER: account.name, LOGNAME: account.name, HOME: account.home };
  tryOut([setpriv, ...words], reach(account.uid), { account, environment, warn });
  const [, ...own] = process.argv;
  const reason = becomeProgram(
    setpriv,
    [...words, '--', process.execPath, ...process.execArgv, ...own],
    environment,
  );
  throw impossible(`${setpriv}: ${reason}`);
}

function impossible(detail: string): FlotillaError {
  return new FlotillaError('FLT-1106', detail);
}

/** Bounded, too, so that no program that it starts comes to more. */
function changing(wanted: ProcessUserSettings, account: Account, kept: readonly string[]): string[] {
  const { group = `${account.gid}`, supplementalGroups } = wanted;
  const set = ['-all', ...kept.map((name) => name.replace('cap_', '+'))].join(',');
  const groups =
    supplementalGroups === undefined
      ? '--init-groups'
      : supplementalGroups.length === 0
        ? '--clear-groups'
        : `--groups=${supplementalGroups.join(',')}`;
  return [
    `--reuid=${account.uid}`,
    `--regid=${group}`,
    groups,
    `--inh-caps=${set}`,
    `--ambient-caps=${set}`,
    `--bounding-set=${set}`,
    '--no-new-privs',
  ];
}

/** Of those, what this root has: the root of a container has few. */
function keptOf(
  stated: readonly string[] | undefined,
  needed: readonly string[],
  warn: (text: string) => void,
): readonly string[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const permitted = /^CapPrm:\s*(\S+)$/m.exec(status)?.[1] ?? '';
  const able = capabilitiesIn(permitted, toChange);
  const lost = toChange.filter((name) => !able.includes(name));
  if (lost.length > 0)
    throw impossible(
      `whoever started this process as root has taken ${lost.join(' and ')} from it: start it as the user instead`,
    );
  const kept = capabilitiesIn(permitted, stated ?? needed);
  const missing = (stated ?? []).filter((name) => !kept.includes(name));
  if (missing.length > 0)
    warn(`this process has no ${missing.join(', ')}: Security { capabilities } cannot keep it`);
  return kept;
}

const tests: Readonly<Record<Wish, string>> = { read: 'r', run: 'x', write: 'w', enter: 'd' };
const cannot: Readonly<Record<Wish, string>> = {
  read: 'cannot read',
  run: 'cannot run',
  write: 'cannot write',
  enter: 'cannot make files in',
};
/** Prints the numbers of those that fail. */
const script = `
n=0
for each; do
  path=\${each#?}
  case $each in
    r*) [ -r "$path" ] ;;
    x*) [ -x "$path" ] ;;
    w*) [ -w "$path" ] ;;
    d*) [ -d "$path" ] && [ -w "$path" ] && [ -x "$path" ] ;;
  esac || echo $n
  n=$((n + 1))
done
`;
const mostNamed = 5;

/** The same change with a program that only looks around: what would fail behind the point of no return is told here. */
function tryOut(
  [setpriv = '', ...words]: readonly string[],
  reach: readonly Reach[],
  {
    account,
    environment,
    warn,
  }: { account: Account; environment: NodeJS.ProcessEnv; warn: (text: string) => void },
): void {
  const paths = reach.map(({ wish, path }) => `${tests[wish]}${path}`);
  const tried = spawnSync(setpriv, [...words, '--', '/bin/sh', '-c', script, 'flotilla-try', ...paths], {
    env: environment,
    encoding: 'utf8',
  });
  if (tried.status !== 0)
    throw impossible(
      tried.error?.message ??
        (tried.stderr.trim() || `${setpriv} ended with ${tried.status ?? tried.signal}`),
    );
  const failed = tried.stdout
    .split('\n')
    .filter(Boolean)
    .map((number) => reach[Number(number)]!);
  const told = (all: readonly Reach[]) =>
    [...new Set(all.map(({ wish, path }) => `${cannot[wish]} ${path}`))].slice(0, mostNamed).join(', ');
  const vital = failed.filter(({ isVital }) => isVital);
  if (vital.length > 0) throw impossible(`${account.name} ${told(vital)}`);
  if (failed.length > 0) warn(`${account.name} ${told(failed)}`);
}

function ownName(uid: number): string {
  return accountOf(`${uid}`)?.name ?? `uid ${uid}`;
}
