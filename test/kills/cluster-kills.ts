/**
 * A small cluster whose processes are killed, again and again: nodes that write journals and serve them, the manager that
 * pulls them into files, and the NATS server between them. In the end the files hold each acknowledged record once.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NatsServer, startNatsServer } from '../integration/nats-server.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import type { ClusterLife } from './cluster-life.ts';
import { type KillPlan, operations } from './killing-files.ts';
import { compareRecords } from './ledger.ts';
import { type RunningLife, spawnLife } from './spawn-life.ts';

/** Ways of making the processes wrong, to see that the harness would notice. */
export const clusterFaults = ['early', 'hasty', 'twice'] as const;
export type ClusterFault = (typeof clusterFaults)[number];

export interface ClusterRun {
  readonly kills: number;
  readonly acknowledged: number;
  readonly violations: readonly string[];
}

export interface ClusterRunOptions {
  readonly program: string;
  readonly seed: number;
  readonly kills: number;
  readonly place: string;
  readonly fault?: ClusterFault;
}

const manager = 'mgr';

export async function runCluster(options: ClusterRunOptions): Promise<ClusterRun> {
  const workplace = mkdtempSync(join(options.place, 'flotilla-kills-'));
  const server = await startNatsServer();
  try {
    return await new Cluster(options, workplace, server).run();
  } finally {
    await server.kill();
    rmSync(workplace, { recursive: true, force: true });
  }
}

class Cluster {
  readonly #options: ClusterRunOptions;
  readonly #workplace: string;
  readonly #server: NatsServer;
  readonly #random: SeededRandom;
  readonly #shape: Pick<ClusterLife, 'nodes' | 'unitLimit' | 'safety' | 'compress' | 'pattern'>;
  readonly #acknowledged = new Set<string>();
  readonly #violations: string[] = [];
  readonly #running = new Set<RunningLife>();
  #kills = 0;
  #lives = 0;

  constructor(options: ClusterRunOptions, workplace: string, server: NatsServer) {
    this.#options = options;
    this.#workplace = workplace;
    this.#server = server;
    this.#random = new SeededRandom(options.seed, 'cluster');
    const random = this.#random;
    this.#shape = {
      nodes: random.chance(0.5) ? ['a'] : ['a', 'b'],
      unitLimit: 400 + random.below(20_000),
      safety: random.pick([0, 1, 2] as const),
      compress: random.chance(0.3),
      pattern: random.pick(['%{l}', '%{n}/%{l}', '%{l}-%S']),
    };
    mkdirSync(join(workplace, 'said'));
  }

  async run(): Promise<ClusterRun> {
    const { nodes } = this.#shape;
    await Promise.all([
      ...nodes.map((name) => this.#again('node', name)),
      this.#again('manager', manager),
      this.#killServer(),
    ]);
    // Now everybody lives, until all of it has been pulled.
    const last = this.#spawn('manager', manager, {});
    const servers = nodes.map((name) => this.#spawn('node', name, { isLast: true }));
    const ended = await Promise.all(servers.map(({ ended: end }) => end));
    for (const { exitCode, complaints } of ended)
      if (exitCode !== 0) this.#violations.push(`not everything was pulled: ${complaints}`);
    last.kill();
    await last.ended;
    this.#verify();
    return {
      kills: this.#kills,
      acknowledged: this.#acknowledged.size,
      violations: this.#violations,
    };
  }

  get #isOver(): boolean {
    return this.#kills >= this.#options.kills || this.#violations.length > 0;
  }

  /** One life after the other. */
  async #again(role: ClusterLife['role'], name: string): Promise<void> {
    while (!this.#isOver) {
      const life = this.#spawn(role, name, { plan: this.#plan() });
      const { lines, wasKilled, complaints } = await life.ended;
      for (const line of lines) for (const record of line.slice(2).split(',')) this.#acknowledged.add(record);
      if (wasKilled) this.#kills++;
      else this.#violations.push(`${name} ended by itself: ${complaints}`);
      // One that waits for others that are gone would never come to its operation.
      if (this.#isOver) for (const other of this.#running) other.kill();
    }
  }

  async #killServer(): Promise<void> {
    while (!this.#isOver) {
      await sleep(300 + this.#random.below(3000));
      await this.#server.kill();
      this.#kills++;
      await sleep(this.#random.below(300));
      await this.#server.start();
    }
  }

  #spawn(role: ClusterLife['role'], name: string, more: Partial<ClusterLife>): RunningLife {
    const { seed, program, fault } = this.#options;
    const number = this.#lives++;
    const life: ClusterLife = {
      ...{ role, name, number, directory: this.#workplace, url: this.#server.url },
      ...{ seed: seed * 1000 + number, ...this.#shape, ...(fault && { fault }), ...more },
    };
    const spawned = spawnLife(program, life, join(this.#workplace, 'said', `${name}-${number}`));
    this.#running.add(spawned);
    void spawned.ended.then(() => this.#running.delete(spawned));
    return spawned;
  }

  #plan(): KillPlan {
    const random = this.#random;
    const of = random.chance(0.5) ? 'any' : random.pick([...operations, 'publish'] as const);
    const at = 1 + random.below(of === 'any' ? 120 : 15);
    return { of, at, latest: 150, part: random.next() };
  }

  #verify(): void {
    const found = new Set<string>();
    const twice: string[] = [];
    for (const path of filesIn(join(this.#workplace, 'out'))) {
      const last = new Map<string, string>();
      for (const line of readFileSync(path, 'latin1').split('\n').slice(0, -1)) {
        const [node = '', number = ''] = line.split(' ');
        const record = `${node} ${number}`;
        if (!/^[ab] \d+\.\d+ x*$/.test(line))
          this.#violations.push(`a line that nobody wrote: ${line.slice(0, 80)}`);
        if (found.has(record)) twice.push(record);
        found.add(record);
        const before = last.get(node);
        if (before !== undefined && compareRecords(before, number) >= 0)
          this.#violations.push(`${path}: ${record} stands behind ${before}`);
        last.set(node, number);
      }
    }
    const lost = [...this.#acknowledged].filter((record) => !found.has(record));
    if (lost.length > 0)
      this.#violations.push(`${lost.length} acknowledged records are lost: ${lost.slice(0, 5).join(', ')}`);
    if (twice.length > 0)
      this.#violations.push(`${twice.length} are there twice: ${twice.slice(0, 5).join(', ')}`);
  }
}

/** Without the states beside them. */
function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name));
}
