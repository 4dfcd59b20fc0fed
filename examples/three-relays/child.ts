/**
 * A child process: its log in a file, its end noticed.
 *
 * Invariants: no child outlives this process, even when it is killed with SIGKILL (the kernel sends them a SIGTERM
 * then, which is what `setpriv --pdeathsig` asks for); a child that ends without being told to is reported.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface ChildOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** Appended to. */
  readonly logFile: string;
  /** It has ended and nobody told it to. */
  readonly onLost: (error: Error) => void;
}

const stopLimitMs = 6_000;
const running = new Set<Child>();

/** The last resort, when there is no time to wait for anything. */
export function killAllChildren(): void {
  for (const child of running) child.killNow();
}

export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  #isExpected = false;

  constructor({ name, command, logFile, onLost }: ChildOptions) {
    const log = openSync(logFile, 'a');
    // In a group of its own: Ctrl-C in a terminal goes to the whole group, and the order of the end is ours to choose.
    this.#process = spawn('setpriv', ['--pdeathsig', 'TERM', '--', ...command], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    running.add(this);
    this.#exited = once(this.#process, 'exit').then(
      ([code, signal]) => {
        running.delete(this);
        const how = code === null ? `by ${signal}` : `with exit code ${code}`;
        if (!this.#isExpected)
          onLost(new Error(`${name} ended ${how}. The end of its log:\n${tail(logFile)}`));
      },
      (error: Error) => {
        running.delete(this);
        onLost(new Error(`${name} could not be started: ${error.message}`));
      },
    );
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isRunning(): boolean {
    return running.has(this);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** SIGTERM, and SIGKILL for one that does not end. Resolves when it has ended; true when it went by itself. */
  async stop(): Promise<boolean> {
    this.#isExpected = true;
    let isWilling = true;
    const limit = setTimeout(() => {
      isWilling = false;
      this.killNow();
    }, stopLimitMs);
    if (this.isRunning) this.#process.kill('SIGTERM');
    await this.#exited;
    clearTimeout(limit);
    return isWilling;
  }

  /** SIGKILL. Resolves when it has ended. */
  async kill(): Promise<void> {
    this.killNow();
    await this.#exited;
  }

  killNow(): void {
    this.#isExpected = true;
    this.#process.kill('SIGKILL');
  }
}

function tail(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines
    .slice(-5)
    .map((line) => `  ${line.slice(0, 400)}`)
    .join('\n');
}
