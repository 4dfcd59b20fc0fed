/** Machines for tests of the configuration repository: a nats-server with JetStream, and working copies in temporary folders. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { main } from '../../../src/cli.ts';
import { type NatsServer, startNatsServer } from '../nats-server.ts';

const bin = join(import.meta.dirname, '../../../bin/flotilla');

export interface Ran {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

export class Workbench {
  readonly folder = mkdtempSync(join(tmpdir(), 'flotilla-cfg-'));
  readonly server: NatsServer;

  private constructor(server: NatsServer) {
    this.server = server;
  }

  static async open(): Promise<Workbench> {
    // Pings as usual elsewhere: these tests load the machine, and are not about links.
    const config = (folder: string) => `jetstream { store_dir: "${folder}" }\nping_interval: "20s"`;
    return new Workbench(await startNatsServer({ config }));
  }

  /** A machine: `<etc>/NAME`, with its working copy in `conf`. */
  machine(name: string, server: { readonly url: string } = this.server): Machine {
    return new Machine(name, join(this.folder, name), server);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

let lastRun: Promise<void> = Promise.resolve();

export class Machine {
  readonly name: string;
  readonly etc: string;
  readonly #server: { readonly url: string } | undefined;

  /** Without a server: the one that the configuration of its node says. */
  constructor(name: string, etc: string, server?: { readonly url: string }) {
    this.name = name;
    this.etc = etc;
    this.#server = server;
    mkdirSync(etc, { recursive: true });
  }

  get conf(): string {
    return join(this.etc, 'conf');
  }

  /** `flotilla cfg ...` on this machine, in this process: one after the other. */
  cfg(...words: string[]): Promise<Ran> {
    const ran = lastRun.then(() => this.#runHere(words));
    lastRun = ran.then(
      () => {},
      () => {},
    );
    return ran;
  }

  /** The same in a process of its own. */
  cfgProcess(...words: string[]): Promise<Ran> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [bin, ...this.#argv(words)],
        { env: { ...process.env, ...this.environment } },
        (error, output, errors) =>
          resolve({ exitCode: error ? Number(error.code ?? -1) : 0, output, errors }),
      );
    });
  }

  get environment(): Readonly<Record<string, string>> {
    return { USER: this.name, EC_NODE_NAME: this.name };
  }

  async #runHere(words: readonly string[]): Promise<Ran> {
    const said = { output: '', errors: '' };
    const { stdout, stderr, env } = process;
    const [out, err, outside] = [stdout.write, stderr.write, { ...env }];
    // Whoever writes may wait until it is written, as a console's client does: without the call it waits for ever.
    const into =
      (key: 'output' | 'errors') =>
      (text: string | Uint8Array, ...rest: unknown[]) => {
        said[key] += typeof text === 'string' ? text : Buffer.from(text).toString();
        for (const written of rest) if (typeof written === 'function') written();
        return true;
      };
    [stdout.write, stderr.write] = [into('output'), into('errors')];
    Object.assign(env, this.environment);
    try {
      const exitCode = await main(this.#argv(words));
      return { exitCode, ...said };
    } finally {
      [stdout.write, stderr.write] = [out, err];
      for (const name of Object.keys(this.environment)) {
        if (outside[name] === undefined) delete env[name];
        else env[name] = outside[name];
      }
    }
  }

  #argv([command = '', ...rest]: readonly string[]): string[] {
    const servers = this.#server ? ['--servers', this.#server.url] : [];
    return ['cfg', command, ...servers, '--wc', this.conf, ...rest];
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.conf, path)), { recursive: true });
    writeFileSync(join(this.conf, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.conf, path), 'utf8');
  }

  remove(path: string): void {
    rmSync(join(this.conf, path), { recursive: true });
  }
}
