/**
 * Machines on one switch, `flotilla node` on each with a NATS server of its own, a service behind it that says where it
 * runs, and clients on more machines, the first of which asks for answers all the time. Floating addresses are
 * 10.84.0.N; 10.84.1.1 follows the first of them.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { type Answers, Asker } from '../../../lab/asker.ts';
import { FloatingNetwork } from '../../../lab/floating-network.ts';
import { Fleet, membersAgree, type NodeProcess } from '../cluster/fleet.ts';
import { until } from '../until.ts';

const frontPort = 2525;
const servicePort = 2500;
export const follower = '10.84.1.1';

/** Joins and balancing take seconds by default. */
export const quickly = `
  view_mature_time = 1
  view_balance_interval = 1
  duravip_balance_set_size = 100`;

export interface HarbourOptions {
  readonly addresses?: number;
  /** Lines of the scope `cluster` in the place of those that make joins and balancing quick. */
  readonly cluster?: string;
  /** Words in front of a node's command on its machine. */
  readonly with?: readonly string[];
  /** More scopes of its configuration. */
  readonly scopes?: string;
  /** The node's configuration names no floating address. */
  readonly isBare?: boolean;
  /** Machines without a node; the first one is the client that connects, this often. */
  readonly clients?: readonly string[];
  readonly askEveryMs?: number;
}

export class Harbour {
  readonly ips: readonly string[];
  readonly floating: FloatingNetwork;
  readonly fleet = new Fleet();
  readonly #asker: Asker;
  readonly #gapsMs = new Map<string, number>();
  readonly #machines: readonly string[];
  readonly #options: HarbourOptions;
  readonly #nodes = new Map<string, NodeProcess>();
  readonly #lives: NodeProcess[] = [];
  readonly #services: ChildProcess[];

  constructor(machines: readonly string[], options: HarbourOptions = {}) {
    this.#machines = machines;
    this.#options = options;
    this.ips = Array.from({ length: options.addresses ?? 6 }, (_, n) => `10.84.0.${n + 1}`);
    const clients = options.clients ?? ['client'];
    this.floating = new FloatingNetwork(...machines, ...clients);
    this.#services = machines.map((machine) => this.#startService(machine));
    const ips = [...this.ips, follower];
    this.#asker = Asker.start(this.floating.on(clients[0]!), frontPort, ips, options.askEveryMs);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => this.start(machine)));
    await membersAgree(...this.#nodes.values());
  }

  async start(machine: string, options: HarbourOptions = {}): Promise<NodeProcess> {
    const node = await this.fleet.start({
      name: machine,
      nodeaddr: this.floating.address(machine),
      through: [...this.floating.on(machine), ...(options.with ?? [])],
      cluster: `Topology "10.84.0.0/16" { interface = eth0 }
        ${options.cluster ?? this.#options.cluster ?? quickly}`,
      scopes: [this.#bus(), options.isBare ? '' : this.#marks(), options.scopes ?? ''].join('\n'),
    });
    this.#nodes.set(machine, node);
    this.#lives.push(node);
    return node;
  }

  node(machine: string): NodeProcess {
    return this.#nodes.get(machine)!;
  }

  /** Of all that were started, in that order. */
  get lives(): readonly NodeProcess[] {
    return this.#lives;
  }

  /** What the first client was answered last, by address; empty where nobody answered. */
  async answers(): Promise<Readonly<Record<string, string>>> {
    const answers = await this.#ask();
    return Object.fromEntries(Object.entries(answers).map(([ip, { last }]) => [ip, last]));
  }

  /** Who has which floating addresses on its interface, by machine. */
  plumbed(): Record<string, string[]> {
    return Object.fromEntries(this.#machines.map((machine) => [machine, this.plumbedOn(machine)]));
  }

  plumbedOn(machine: string): string[] {
    const [link] = JSON.parse(this.run(machine, 'ip', '-json', 'address', 'show', 'dev', 'eth0')) as {
      addr_info: { local: string }[];
    }[];
    return link!.addr_info.map(({ local }) => local).filter((ip) => ip.startsWith('10.84.'));
  }

  /**
   * Waits until each address is on one of these machines and on no other, the service of that machine answers on it,
   * and none has more than one address above another.
   */
  async servedBy(...machines: readonly string[]): Promise<void> {
    let seen = '';
    const isServed = async () => {
      const answers = await this.#ask();
      const plumbed = this.plumbed();
      seen = JSON.stringify({ answers, plumbed });
      return this.#isServed(answers, plumbed, machines);
    };
    await until(isServed).catch(() => {
      throw new Error(`not served by ${machines.join(', ')}: ${seen}\n${this.#logs()}`);
    });
  }

  /** Waits until these machines, and no other, answer on these addresses: wherever they are plumbed. */
  async answeredBy(ips: readonly string[], ...machines: readonly string[]): Promise<void> {
    await until(async () => {
      const answers = await this.#ask();
      return ips.every((ip) => machines.includes(answers[ip]!.last));
    });
  }

  /** What happened until now is forgotten. */
  async beginGaps(): Promise<void> {
    await this.#ask();
    this.#gapsMs.clear();
  }

  /** Longest time without an answer that any of these addresses had since `beginGaps`. */
  async longestGapMs(ips: readonly string[]): Promise<number> {
    await this.#ask();
    return Math.max(0, ...ips.map((ip) => this.#gapsMs.get(ip)!));
  }

  run(machine: string, ...words: readonly string[]): string {
    const [command = '', ...rest] = [...this.floating.on(machine), ...words];
    return execFileSync(command, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async end(): Promise<void> {
    this.#asker.stop();
    for (const service of this.#services) service.kill('SIGKILL');
    await Promise.all([...this.#nodes.values()].map((node) => node.kill()));
    // With the machines end the guardians, which still write to the folder of the fleet.
    this.floating.remove();
    await this.fleet.end();
  }

  async #ask(): Promise<Readonly<Record<string, Answers>>> {
    const answers = await this.#asker.report();
    for (const [ip, { gapMs }] of Object.entries(answers))
      this.#gapsMs.set(ip, Math.max(this.#gapsMs.get(ip) ?? 0, gapMs));
    return answers;
  }

  #isServed(
    answers: Readonly<Record<string, Answers>>,
    plumbed: Readonly<Record<string, readonly string[]>>,
    machines: readonly string[],
  ): boolean {
    const holders = (ip: string) => Object.keys(plumbed).filter((machine) => plumbed[machine]!.includes(ip));
    const isRight = (ip: string) => {
      const [holder = '', ...others] = holders(ip);
      return others.length === 0 && machines.includes(holder) && answers[ip]!.last === holder;
    };
    const loads = machines.map((machine) => plumbed[machine]!.filter((ip) => ip !== follower).length);
    const follows = holders(follower).join() === holders(this.ips[0]!).join();
    return [...this.ips, follower].every(isRight) && follows && Math.max(...loads) - Math.min(...loads) <= 1;
  }

  #startService(machine: string): ChildProcess {
    const program = `require('node:net').createServer((s) => s.on('error', () => {}).end('${machine}\\n')).listen(${servicePort}, '127.0.0.1')`;
    const [command = '', ...words] = [...this.floating.on(machine), process.execPath, '-e', program];
    return spawn(command, words, { stdio: 'ignore' });
  }

  #bus(): string {
    const peers = this.#machines
      .map((machine) => `${machine} = ${this.floating.address(machine)}`)
      .join('\n');
    return `msgc_server { port = 4222 peers = [\n${peers}\n] secret = "a harbour" }
      msgcserver_listener { Listen ":4809" { } }`;
  }

  #marks(): string {
    const [first, ...others] = this.ips;
    const binding = (ip: string) =>
      `Binding "out-${ip.split('.').at(-1)}" { Bind_Address = ${ip}  Enable_Duravip = true }`;
    const listen = (ip: string, mark: string) =>
      `Listen "${ip}:${frontPort}" { ${mark}  Upstream = "127.0.0.1:${servicePort}" }`;
    return `
      Binding_Group "west" { ${binding(first!)} }
      ${others.map(binding).join('\n')}
      TCP_Listener {
        ${this.ips.map((ip) => listen(ip, 'Enable_Duravip = true')).join('\n')}
        ${listen(follower, 'Duravip_Follow = "out-1"')}
      }`;
  }

  #logs(): string {
    return [...this.#nodes]
      .map(([machine, node]) => `--- ${machine}\n${node.log().slice(-6_000)}`)
      .join('\n');
  }
}
