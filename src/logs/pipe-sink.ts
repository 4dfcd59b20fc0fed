/**
 * A program that reads the log on its standard input (logging 2). With `reinvoke` it is started again once when it ends;
 * when it is gone for good its lines are lost, silently but counted, or, with `shutdown_on_failure`, the server is
 * asked to end. `reopen logs` starts it anew.
 *
 * What a program has taken out of the pipe and not dealt with when it dies is lost: a pipe tells nobody.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';
import type { Destination } from '../core/logs/destination.ts';
import type { PipeSettings } from '../core/logs/logger-settings.ts';
import { systemReason } from '../journal/files.ts';
import { openForAppending } from './file-sink.ts';
import type { LineSink, LogLine, Written } from './line-sink.ts';

export interface PipeOptions {
  readonly clock: Clock;
  readonly settings: PipeSettings;
  /** With `shutdown_on_failure`: the program is gone. */
  readonly onFailure: (reason: string) => void;
}

/** Until a program that was told to end is ended. */
const endTimeoutMs = 5_000;

export class PipeSink implements LineSink {
  readonly name: string;
  readonly #destination: Destination;
  readonly #options: PipeOptions;
  #child: ChildProcess | undefined;
  #files: readonly FileHandle[] = [];
  /** Starts left until it is gone for good. */
  #starts: number;
  #ending = 'it has not been started';

  constructor(destination: Destination, options: PipeOptions) {
    this.name = `pipe://${destination.path}`;
    this.#destination = destination;
    this.#options = options;
    this.#starts = this.#allowedStarts;
  }

  async write(lines: readonly LogLine[]): Promise<Written> {
    const bytes = Buffer.concat(lines.map((line) => line.bytes));
    while (await this.#isStarted()) {
      const problem = await this.#send(bytes);
      if (problem === undefined) return { kept: lines.length };
      this.#ending = problem;
      this.#child?.kill('SIGKILL');
      await this.#end();
    }
    const problem = `the program is gone: ${this.#ending}`;
    if (this.#parameter('shutdown_on_failure') === '1') this.#options.onFailure(`${this.name}: ${problem}`);
    return { kept: 0, isLost: true, problem };
  }

  async reopen(): Promise<void> {
    await this.#end();
    this.#starts = this.#allowedStarts;
  }

  async close(): Promise<void> {
    this.#starts = 0;
    await this.#end();
  }

  get #allowedStarts(): number {
    return this.#parameter('reinvoke') === '1' ? 2 : 1;
  }

  #parameter(name: string): string | undefined {
    return this.#destination.parameters.get(name);
  }

  async #isStarted(): Promise<boolean> {
    if (this.#child) return true;
    if (this.#starts === 0) return false;
    this.#starts--;
    try {
      await this.#start();
    } catch (error) {
      this.#ending = systemReason(error);
      await this.#end();
      return this.#isStarted();
    }
    return true;
  }

  async #start(): Promise<void> {
    const { output, error } = this.#options.settings;
    const open = (file: typeof output) =>
      file ? openForAppending(file.path, file.mode) : Promise.resolve(undefined);
    const [out, err] = [await open(output), await open(error)];
    this.#files = [out, err].filter((handle) => handle !== undefined);
    const child = spawn(this.#destination.path, numbered(this.#destination, 'arg'), {
      env: environmentOf(this.#destination),
      stdio: ['pipe', out?.fd ?? 'ignore', err?.fd ?? 'ignore'],
    });
    // Without listeners what happens to it later would end this process.
    child.on('error', (failure) => {
      this.#ending = failure.message;
    });
    child.stdin!.on('error', () => {});
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    this.#child = child;
    child.once('exit', (code, signal) => {
      // One that was ended here has its reason already.
      if (this.#child !== child) return;
      this.#ending = signal === null ? `it ended with status ${code}` : `it was ended by ${signal}`;
    });
  }

  /** Resolves with what is wrong when the program does not take them. */
  #send(bytes: Buffer): Promise<string | undefined> {
    const { clock, settings } = this.#options;
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(this.#ending);
    return new Promise((resolve) => {
      const timer =
        settings.timeoutMs === undefined
          ? undefined
          : clock.after(settings.timeoutMs, () => over(`it has not read for ${settings.timeoutMs} ms`));
      const over = (problem: string | undefined): void => {
        timer?.cancel();
        child.off('exit', onExit);
        resolve(problem);
      };
      const onExit = (): void => over(this.#ending);
      child.once('exit', onExit);
      child.stdin!.write(bytes, (error) => over(error?.message));
    });
  }

  /** The end of its input is its order to end. */
  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child && child.exitCode === null && child.signalCode === null) {
      const timer = this.#options.clock.after(endTimeoutMs, () => child.kill('SIGKILL'));
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin!.end();
      await ended;
      timer.cancel();
    }
    const files = this.#files;
    this.#files = [];
    await Promise.all(files.map((file) => file.close().catch(() => {})));
  }
}

/** `arg1`, `arg2` ... in the order of their numbers; gaps are left out. */
function numbered({ parameters }: Destination, word: string): string[] {
  return [...parameters]
    .flatMap(([name, value]) => {
      const number = new RegExp(`^${word}(\\d+)$`).exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), value }];
    })
    .sort((a, b) => a.number - b.number)
    .map(({ value }) => value);
}

function environmentOf(destination: Destination): NodeJS.ProcessEnv {
  const own = numbered(destination, 'env').map((text) => {
    const at = text.indexOf('=');
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  });
  const inherited = destination.parameters.get('clear_env') === '1' ? {} : process.env;
  return { ...inherited, ...Object.fromEntries(own) };
}
