/**
 * Whether the sums are right: holds the clients still for a moment and compares what every node shows with what the
 * kernel holds, address by address and netblock by netblock, summed and node by node.
 */
import type { MailClients } from './mail-clients.ts';
import type { Relay } from './relay.ts';
import { type ComparedRow, compare, isWrong, kernelSockets, sumOf, type Table, totalOf } from './truth.ts';
import { until } from './until.ts';

export interface Check {
  /** Open connections in the kernel, by the name of the relay that accepted them. */
  readonly connections: ReadonlyMap<string, number>;
  /** From the moment the clients stood still to the first time that everything agreed. */
  readonly agreedMs: number;
  /** What disagreed at the end; empty when the sums were right. */
  readonly wrong: readonly WrongTable[];
}

export interface WrongTable {
  readonly title: string;
  readonly rows: readonly ComparedRow[];
}

/** A sum that is not right by then is a wrong sum. Changes travel within 50 ms (`max_delay` in common.conf). */
const limitMs = 2_000;

export class Checker {
  made = 0;
  failed = 0;
  slowestMs = 0;
  readonly #relays: readonly Relay[];
  readonly #clients: MailClients;
  readonly #signal: AbortSignal;

  constructor(relays: readonly Relay[], clients: MailClients, signal: AbortSignal) {
    this.#relays = relays;
    this.#clients = clients;
    this.#signal = signal;
  }

  /** Runs the work while no client connects or leaves. */
  async whileStill<T>(work: () => Promise<T>, signal = this.#signal): Promise<T> {
    const patience = { limitMs: 10_000, everyMs: 5, signal };
    this.#clients.hold();
    try {
      if (!(await until(() => this.#clients.isStill, patience)))
        throw new Error('the mail clients do not come to rest: a relay neither serves nor refuses them');
      return await work();
    } finally {
      this.#clients.release();
    }
  }

  /** Only within `whileStill`: sums that move are never equal. */
  async check(): Promise<Check> {
    const check = await this.#compareUntilRight();
    this.made += 1;
    if (check.wrong.length > 0) this.failed += 1;
    else this.slowestMs = Math.max(this.slowestMs, check.agreedMs);
    return check;
  }

  async #compareUntilRight(): Promise<Check> {
    const startMs = performance.now();
    const live = this.#relays.filter((relay) => relay.isRunning);
    let tables = new Map<string, Table>();
    let wrong: WrongTable[] = [];
    await until(
      async () => {
        const { accepted } = kernelSockets();
        tables = new Map(
          this.#relays.map(({ name, frontPort }) => [name, accepted.get(frontPort) ?? new Map()]),
        );
        wrong = [this.#clientsSide(tables), ...(await this.#nodesSide(live, tables))].filter(({ rows }) =>
          rows.some(isWrong),
        );
        return wrong.length === 0;
      },
      { limitMs, everyMs: 10, signal: this.#signal },
    );
    const connections = new Map([...tables].map(([name, table]) => [name, totalOf(table)]));
    return { connections, agreedMs: performance.now() - startMs, wrong };
  }

  /**
   * Guards the measure itself: a kernel table read wrongly would agree with nobody's sessions. Whoever else connects
   * to look around comes from another address.
   */
  #clientsSide(tables: ReadonlyMap<string, Table>): WrongTable {
    const { addresses, open } = this.#clients;
    const sum = sumOf(tables.values());
    const truth = addresses.reduce((total, address) => total + (sum.get(address) ?? 0), 0);
    return { title: 'the mail clients', rows: [{ key: 'all', shown: open, truth }] };
  }

  async #nodesSide(live: readonly Relay[], tables: ReadonlyMap<string, Table>): Promise<WrongTable[]> {
    const views = live.map(async (viewer) => {
      const answers = [compared(`${viewer.name}: sum`, await viewer.connections(), sumOf(tables.values()))];
      for (const owner of live) {
        const title = `${viewer.name}: from ${owner.name}`;
        answers.push(compared(title, await viewer.connections(owner), tables.get(owner.name) ?? new Map()));
      }
      return answers;
    });
    return (await Promise.all(views)).flat();
  }
}

/** A node that does not answer says nothing about anybody. */
function compared(title: string, rows: Parameters<typeof compare>[0] | undefined, truth: Table): WrongTable {
  if (rows) return { title, rows: compare(rows, truth) };
  return { title: `${title} (no answer)`, rows: [{ key: 'all', shown: undefined, truth: totalOf(truth) }] };
}
