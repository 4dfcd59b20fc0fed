/**
 * The guardian (EXT-3, LIFE-12): a tiny `sh` that blocks on a pipe from us. When we are gone, in whatever way, the pipe
 * closes; it empties the owned sets, so that nothing answers any more, and removes the addresses of the state file.
 *
 * - It ignores what a service manager or a terminal sends to the rest of the group, and lives in a session of its own.
 * - It holds the lock of the state file, so that the next life waits until it is done.
 * - The word `done` ends it without doing anything.
 * - Killed along with us (a container) it does nothing: then the lease ends the answers.
 *
 * Should somebody kill it alone, it is started again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';

export interface GuardianDuty {
  /** Full paths. Without nftables there is nothing to disown. */
  readonly nft: string | undefined;
  readonly ip: string;
  readonly statePath: string;
  readonly lockFd: number;
  /** Commands of nft. */
  readonly disown: string;
  readonly removeTables: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tables stay when an address could not be removed: they keep it silent. */
const script = `
trap '' TERM INT HUP
while read -r word; do [ "$word" = done ] && exit 0; done
nft=$1 ip=$2 state=$3 disown=$4 tables=$5
[ -n "$nft" ] && "$nft" "$disown"
if "$ip" -force -batch "$state"; then
  [ -n "$nft" ] && "$nft" "$tables"
  : >"$state"
fi
`;
const againAfterMs = 1_000;

export class Guardian {
  readonly #duty: GuardianDuty;
  #child: ChildProcess;
  #restart: Timer | undefined;
  #closing = false;

  constructor(duty: GuardianDuty) {
    this.#duty = duty;
    this.#child = this.#start();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** It ends without doing anything. Resolves when it is gone. */
  dismiss(): Promise<void> {
    return this.#end(() => this.#child.stdin!.end('done\n'));
  }

  /** It does its duty now. Resolves when it is gone. */
  release(): Promise<void> {
    return this.#end(() => this.#child.stdin!.end());
  }

  #end(tell: () => void): Promise<void> {
    this.#closing = true;
    this.#restart?.cancel();
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
      return Promise.resolve();
    return new Promise((resolve) => {
      child.ref();
      child.once('exit', () => resolve());
      tell();
    });
  }

  #start(): ChildProcess {
    const { nft = '', ip, statePath, lockFd, disown, removeTables } = this.#duty;
    const words = ['-c', script, 'flotilla-guardian', nft, ip, statePath, disown, removeTables];
    const child = spawn('/bin/sh', words, { detached: true, stdio: ['pipe', 'ignore', 'ignore', lockFd] });
    child.stdin!.on('error', () => undefined);
    child.once('error', ({ message }) => this.#ended(message));
    child.once('exit', (code, signal) => this.#ended(`ended with ${code ?? signal}`));
    if (child.pid !== undefined) hurry(child.pid);
    // A node that has nothing else to do may end: that is what the guardian waits for.
    child.unref();
    (child.stdin as unknown as { unref(): void }).unref();
    return child;
  }

  #ended(reason: string): void {
    if (this.#closing) return;
    this.#duty.log.warning('the guardian of floating addresses ended; it is started again', { reason });
    this.#restart?.cancel();
    this.#restart = this.#duty.clock.after(againAfterMs, () => {
      if (!this.#closing) this.#child = this.#start();
    });
  }
}

/** It sleeps until others wait for it to be done, on a machine that may be busy: that is why we died, perhaps. */
function hurry(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Without CAP_SYS_NICE it has the priority that everybody has.
  }
}
