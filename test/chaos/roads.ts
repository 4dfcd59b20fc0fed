/**
 * Four nodes with floating addresses and the lookouts that watch them: on three client machines, of which `east` asks
 * each node directly, and where the network is to be cut in two, `west` does, too.
 */
import { type Look, Lookout, type Report, sharedNowMs } from '../../lab/lookout.ts';
import { follower, Harbour } from '../integration/duravip/harbour.ts';
import { Components } from './components.ts';
import type { Shore } from './harms.ts';

export const machines = ['a', 'b', 'c', 'd'] as const;
export const lookouts = ['east', 'north', 'west'] as const;
export type Machine = (typeof machines)[number];
export type LookoutName = (typeof lookouts)[number];

export interface RoadsOptions {
  readonly quorum: 'none' | 'majority';
  readonly profile: 'fast' | 'default';
  /** Lookouts that ask each node directly. */
  readonly asking: readonly LookoutName[];
  readonly pace: Pace;
}

/**
 * How often each address is asked by the client that connects, and by each lookout. The finer, the sharper the times,
 * and the more processor time is gone: on a machine that has too little, answers then come after the client has given
 * up, which costs as much, and nobody is served any more.
 */
export interface Pace {
  readonly clientMs: number;
  readonly lookoutMs: number;
}

/** Sharp enough to judge by goals in milliseconds. */
export const finePace: Pace = { clientMs: 20, lookoutMs: 5 };

/** Machines of one side of the network and the lookouts that see them. */
export interface Side {
  readonly machines: readonly string[];
  readonly lookouts: readonly LookoutName[];
}

export interface SeenReport {
  readonly by: LookoutName;
  readonly report: Report;
}

/** Machines by address. */
export type Owners = Readonly<Record<string, string>>;
type Outlooks = Readonly<Record<LookoutName, Look['outlook']>>;

const lookEveryMs = 20;
const limitMs = 45_000;
/** Answers that were on the way when a fault struck are over. */
export const stillMs = 150;

export class Roads {
  readonly harbour: Harbour;
  readonly ips: readonly string[];
  readonly #lookouts: Readonly<Record<LookoutName, Lookout>>;
  readonly #asking: readonly LookoutName[];
  #reports: SeenReport[] = [];
  #logStarts: number[] = [];

  private constructor({ quorum, profile, asking, pace }: RoadsOptions) {
    this.#asking = asking;
    this.harbour = new Harbour(machines, {
      clients: lookouts,
      askEveryMs: pace.clientMs,
      cluster: `quorum = ${quorum}
        profile = ${profile}
        view_mature_time = 1
        view_balance_interval = 1
        if_check_interval = 1
        if_down_limit = 2
        duravip_balance_set_size = 100`,
    });
    this.ips = [...this.harbour.ips, follower];
    this.connectNodes(machines);
    const start = (name: LookoutName) =>
      Lookout.start(this.harbour.floating.on(name), {
        ips: this.ips,
        machines: Object.fromEntries(
          machines.map((machine) => [machine, this.harbour.floating.mac(machine)]),
        ),
        asksDirectly: asking.includes(name),
        askEveryMs: pace.lookoutMs,
      });
    this.#lookouts = { east: start('east'), north: start('north'), west: start('west') };
  }

  /** An error has what the nodes said as its cause. */
  static async open(options: RoadsOptions): Promise<Roads> {
    const roads = new Roads(options);
    try {
      await roads.harbour.startAll();
      await roads.settled();
    } catch (error) {
      const { message } = error as Error;
      const said = roads.logs();
      await roads.end();
      throw new Error(message, { cause: said });
    }
    return roads;
  }

  /** What faults strike. */
  get shore(): Shore {
    const { harbour } = this;
    return {
      machines,
      floating: harbour.floating,
      node: (machine) => harbour.node(machine),
      start: (machine) => harbour.start(machine),
      plumbedOn: (machine) => harbour.plumbedOn(machine),
      run: (machine, ...words) => harbour.run(machine, ...words),
      connect: (machine) => this.connectNodes([machine]),
    };
  }

  /** The route to floating addresses, and lasting entries for those who ask: an interface that goes down loses both. */
  connectNodes(names: readonly string[]): void {
    for (const machine of names) {
      this.harbour.run(machine, 'ip', 'route', 'replace', '10.84.0.0/16', 'dev', 'eth0');
      for (const name of lookouts) {
        const entry = [
          this.harbour.floating.address(name),
          'lladdr',
          this.harbour.floating.mac(name),
          'nud',
          'permanent',
        ];
        this.harbour.run(machine, 'ip', 'neigh', 'replace', ...entry, 'dev', 'eth0');
      }
    }
  }

  /** Nothing that happened until now counts. */
  async begin(): Promise<void> {
    await this.#look();
    await this.harbour.beginGaps();
    this.#reports = [];
    this.#logStarts = this.harbour.lives.map((node) => node.log().length);
  }

  async reports(): Promise<readonly SeenReport[]> {
    await this.#look();
    return this.#reports;
  }

  /** Whether two nodes are in different components, by the views they installed. */
  components(): Components['areApart'] {
    const wallAheadMs = Date.now() - sharedNowMs();
    const installed = this.harbour.lives.flatMap((node) =>
      Components.ofLog(node.name, node.log(), wallAheadMs),
    );
    const components = new Components(installed.sort((one, other) => one.atMs - other.atMs));
    return (...question) => components.areApart(...question);
  }

  /** What the nodes said since `begin`, by their names. */
  logs(): string {
    const parts = this.harbour.lives.map((node, life) => ({
      name: node.name,
      text: node.log().slice(this.#logStarts[life] ?? 0),
    }));
    return parts
      .filter(({ text }) => text !== '')
      .map(({ name, text }) => `--- ${name}\n${text}`)
      .join('\n');
  }

  /**
   * Waits until on each side its machines, and nobody else, answer for all addresses: nobody, where there are none. And
   * the first client, which is on the first side, is served.
   */
  servedBy(sides: readonly Side[]): Promise<void> {
    return this.#until(`served by ${sides.map((side) => side.machines.join('')).join(' | ')}`, async () => {
      const outlooks = await this.#look();
      const known = sides.every((side) =>
        side.lookouts
          .filter((name) => this.#asking.includes(name))
          .every((name) => this.ips.every((ip) => isServed(outlooks[name][ip]!.machine, side))),
      );
      if (!known) return false;
      const answers = await this.harbour.answers();
      return this.ips.every((ip) => isServed(answers[ip] || undefined, sides[0]!));
    });
  }

  /**
   * Waits until every address is served by exactly one of all machines, evenly, with everybody knowing where, and
   * nothing is left on any other.
   */
  async settled(): Promise<Owners> {
    let owners: Owners = {};
    await this.#until('settled', async () => {
      const outlooks = await this.#look();
      const known = this.#ownersKnownTo(outlooks);
      if (!known || !isBalanced(this.harbour.ips.map((ip) => known[ip]))) return false;
      owners = known;
      const answers = await this.harbour.answers();
      if (this.ips.some((ip) => answers[ip] !== known[ip])) return false;
      const plumbed = this.harbour.plumbed();
      return machines.every((machine) =>
        sameSet(
          plumbed[machine]!,
          this.ips.filter((ip) => known[ip] === machine),
        ),
      );
    });
    return owners;
  }

  /** Waits until none of them has a floating address on its interface. */
  bare(names: readonly string[]): Promise<void> {
    const isBare = () => names.every((name) => this.harbour.plumbedOn(name).length === 0);
    return this.#until(`nothing left on ${names.join(', ')}`, isBare);
  }

  async end(): Promise<void> {
    for (const lookout of Object.values(this.#lookouts)) lookout.stop();
    await this.harbour.end();
  }

  /** Undefined unless every lookout says the same of every address, by answers and by its neighbour table. */
  #ownersKnownTo(outlooks: Outlooks): Owners | undefined {
    const owners: Record<string, string> = {};
    for (const ip of this.ips) {
      const owner = outlooks[this.#asking[0]!][ip]!.machine;
      if (owner === undefined) return undefined;
      const isKnown = (name: LookoutName) =>
        outlooks[name][ip]!.neighbour === owner &&
        (!this.#asking.includes(name) || outlooks[name][ip]!.machine === owner);
      if (!lookouts.every(isKnown)) return undefined;
      owners[ip] = owner;
    }
    return owners;
  }

  async #look(): Promise<Outlooks> {
    const looks = await Promise.all(
      lookouts.map(async (by) => {
        const { reports, outlook } = await this.#lookouts[by].look();
        for (const report of reports) this.#reports.push({ by, report });
        return [by, outlook] as const;
      }),
    );
    return Object.fromEntries(looks) as unknown as Outlooks;
  }

  async #until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = sharedNowMs() + limitMs;
    while (!(await condition())) {
      if (sharedNowMs() > endMs) throw new Error(`not within ${limitMs} ms: ${what}\n${await this.#state()}`);
      await pause(lookEveryMs);
    }
  }

  async #state(): Promise<string> {
    const outlooks = await this.#look();
    const lines = this.ips.map((ip) => {
      const seen = lookouts.map((name) => {
        const { machine = '-', neighbour = '-' } = outlooks[name][ip]!;
        return `${name}: ${machine}, neighbour ${neighbour}`;
      });
      return `  ${ip} ${seen.join('; ')}`;
    });
    const answers = JSON.stringify(await this.harbour.answers());
    return [...lines, `  clients: ${answers}`, `  plumbed: ${JSON.stringify(this.harbour.plumbed())}`].join(
      '\n',
    );
  }
}

export function pause(forMs: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, forMs));
}

function isBalanced(owners: readonly (string | undefined)[]): boolean {
  const loads = machines.map((machine) => owners.filter((owner) => owner === machine).length);
  return Math.max(...loads) - Math.min(...loads) <= 1;
}

function isServed(machine: string | undefined, side: Side): boolean {
  return side.machines.length === 0 ? machine === undefined : side.machines.includes(machine ?? '');
}

function sameSet(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join() === [...others].sort().join();
}
