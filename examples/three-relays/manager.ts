/** A `flotilla manager`, which pulls the logs of all relays into files; and what is in these files. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.ts';
import { logNames, writeManagerConfiguration } from './log-configuration.ts';
import { NodeConsole } from './node-console.ts';
import type { CastOptions } from './stage.ts';
import { until } from './until.ts';

const name = 'manager';
const startLimitMs = 20_000;

export class Manager {
  readonly name = name;
  readonly consolePath: string;
  /** A folder for each log, with a file for each relay. */
  readonly logFolder: string;
  readonly #options: CastOptions;
  readonly #console: NodeConsole;
  #child: Child | undefined;

  constructor(options: CastOptions) {
    this.#options = options;
    this.consolePath = join(options.folder, `${name}.sock`);
    this.logFolder = join(options.folder, 'logs');
    this.#console = new NodeConsole(this.consolePath);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when its console answers. */
  async start(busUrl: string): Promise<void> {
    const { folder, onLost, signal } = this.#options;
    const logFile = join(folder, `${name}.log`);
    this.#child = new Child({
      name,
      command: [
        process.execPath,
        ...[join(import.meta.dirname, '../../bin/flotilla'), 'manager'],
        ...['--config', writeManagerConfiguration(folder, name)],
        ...['--servers', busUrl],
        ...['--state-dir', join(folder, name)],
      ],
      logFile,
      onLost,
    });
    const answers = async () => (await this.#console.ask('version', 'text'))?.isOk ?? false;
    if (!(await until(answers, { limitMs: startLimitMs, everyMs: 25, signal })))
      throw new Error(`the manager does not answer after ${startLimitMs / 1000} s; its log: ${logFile}`);
  }

  async stop(): Promise<void> {
    this.#console.close();
    const isWilling = await this.#child?.stop();
    if (isWilling === false) process.stderr.write(`${name} did not stop by itself and was killed\n`);
  }

  /** The lines that it has written down of a relay, for each log. */
  files(relay: string): string[][] {
    return logNames.map((log) => {
      const path = join(this.logFolder, log, relay);
      return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
    });
  }
}
