/**
 * A real node as an operator starts it: `flotilla node --config FILE`, without listeners.
 *
 * Invariant: no node outlives `end`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** Benchmarks run in the root of the repository. */
const bin = resolve('bin/flotilla');
const run = promisify(execFile);

/** What nodes count together. */
export const replicated = `
  Replicate "inbound_cidr" {}
  Replicate "outbound_cidr" {}
  Replicate "outbound_domains" {}
  Replicate "outbound_binding_domains" {}`;

export class NodeProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-'));
  readonly #console = join(this.#folder, 'console');
  readonly #child: ChildProcess;

  constructor(name: string, url: string) {
    const configFile = join(this.#folder, 'node.conf');
    writeFileSync(
      configFile,
      `
Control_Listener { Listen "${this.#console}" {} }
cluster {
  nodename = "${name}"
  nodeaddr = "127.0.0.1"
  servers = ( "${url}" )
  state_dir = "${this.#folder}"
  ${replicated}
}
`,
    );
    this.#child = spawn(process.execPath, [bin, 'node', '--config', configFile], { stdio: 'ignore' });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Members of its view; 0 while its console does not answer. */
  async members(): Promise<number> {
    const words = ['console', this.#console, 'cluster', 'membership'];
    const { stdout } = await run(process.execPath, [bin, ...words]).catch(() => ({ stdout: '' }));
    return stdout.split('Private Name:').length - 1;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true });
  }
}
