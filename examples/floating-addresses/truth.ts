/**
 * Whether it is as it should be: each address is on exactly one machine that takes part, that machine answers on it, the
 * nodes say the same, and nobody has more than one address above another.
 *
 * The kernel is asked what is on an interface, the client who answers, the consoles who owns.
 */
import type { Client, Seen } from './client.ts';
import type { Machine } from './machine.ts';

/** Names of machines. */
type ByAddress = ReadonlyMap<string, readonly string[]>;

export interface Look {
  readonly seen: ReadonlyMap<string, Seen>;
  /** Who has it on its interface, without machines that are frozen or cut off; while an address is silent, who answered last. */
  readonly holders: ByAddress;
  /** The first thing that is not as it should be. */
  readonly problem: string | undefined;
}

export class Truth {
  readonly #ips: readonly string[];
  readonly #machines: readonly Machine[];
  readonly #client: Client;

  constructor(ips: readonly string[], machines: readonly Machine[], client: Client) {
    this.#ips = ips;
    this.#machines = machines;
    this.#client = client;
  }

  /** What costs little is looked at first: a client that shares the processors should not notice that it is watched. */
  async look(): Promise<Look> {
    const seen = await this.#client.look();
    const answering = new Map(this.#ips.map((ip) => [ip, [seen.get(ip)?.last ?? '']] as const));
    const early = this.#silent(answering) ?? this.#unbalanced(answering);
    if (early !== undefined) return { seen, holders: answering, problem: early };
    const holders = this.#holders();
    const problem = this.#misplaced(answering, holders) ?? (await this.#disagreeing(holders));
    return { seen, holders, problem };
  }

  get #present(): readonly Machine[] {
    return this.#machines.filter(({ absence }) => absence === undefined);
  }

  /**
   * On a machine that is frozen or cut off addresses stay for a while, under a lease that is over: only the client can
   * say that they are silent.
   */
  #holders(): ByAddress {
    const heard = this.#machines.filter(({ absence }) => absence !== 'frozen' && absence !== 'unplugged');
    const plumbed = heard.map((machine) => [machine.name, machine.plumbed()] as const);
    return new Map(
      this.#ips.map((ip) => [ip, plumbed.filter(([, all]) => all.includes(ip)).map(([name]) => name)]),
    );
  }

  #silent(answering: ByAddress): string | undefined {
    const names = this.#present.map(({ name }) => name);
    const ip = this.#ips.find((each) => !names.includes(answering.get(each)![0]!));
    return ip && `nobody who takes part answers on ${ip}`;
  }

  #misplaced(answering: ByAddress, holders: ByAddress): string | undefined {
    for (const ip of this.#ips) {
      const names = holders.get(ip)!.join(' and ') || 'no machine';
      const by = answering.get(ip)![0];
      if (names !== by) return `${ip} is on ${names}, and ${by} answers`;
    }
    return undefined;
  }

  #unbalanced(holders: ByAddress): string | undefined {
    const loads = this.#present.map(
      ({ name }) => [...holders.values()].filter((names) => names.includes(name)).length,
    );
    return Math.max(...loads) - Math.min(...loads) > 1
      ? `the shares are uneven: ${loads.join(', ')}`
      : undefined;
  }

  async #disagreeing(holders: ByAddress): Promise<string | undefined> {
    for (const machine of this.#present) {
      const owners = await machine.owners();
      if (!owners) return `${machine.name} does not answer on its console`;
      for (const ip of this.#ips) {
        const holder = holders.get(ip)?.[0];
        if (owners.get(ip) !== holder)
          return `${machine.name} says that ${owners.get(ip) ?? 'nobody'} owns ${ip}, which is on ${holder}`;
      }
    }
    return undefined;
  }
}
