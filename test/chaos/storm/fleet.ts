/**
 * A whole fleet on one switch, everything at once: three NATS servers as a cluster, four nodes with floating addresses and
 * mail servers behind them, a manager that collects their logs, a configuration repository, and clients of all kinds on a
 * machine of their own. Each is a machine with a network of its own; journals are on small disks.
 *
 * Owns them. Invariant: `end` leaves no process, no namespace and no mount.
 */
import { join } from 'node:path';
import { FloatingNetwork } from '../../../lab/floating-network.ts';
import { Lookout } from '../../../lab/lookout.ts';
import { Fleet, type NodeProcess } from '../../integration/cluster/fleet.ts';
import type { Shore } from '../harms.ts';
import { BusServer } from './bus-server.ts';
import { ProcessClock } from './clock.ts';
import { commonText, type MachinePlaces, managerText, nodesText, nodeText } from './configuration.ts';
import { MailHost } from './mail-host.ts';
import { NumberedLines } from './observers/numbered-lines.ts';
import { Repository } from './repository.ts';
import type { Machines } from './schedule.ts';
import { SmallDisk } from './small-disk.ts';
import { Traffic } from './traffic.ts';

export const machines = {
  nodes: ['relay-1', 'relay-2', 'relay-3', 'relay-4'],
  servers: ['bus-1', 'bus-2', 'bus-3'],
  manager: 'manager',
} as const satisfies Machines;
const client = 'east';
/** The process there may be shown another time. */
export const clockNode = machines.nodes[3];
const floatingIps = [1, 2, 3, 4, 5, 6].map((host) => `10.84.0.${host}`);
const clientNetwork = '10.83.1';
const clientHosts = 24;
/** Of four nodes. */
const quorum = 3;
/** Everybody starts at once, also where processors are few. */
const startLimitMs = 60_000;
const diskMegabytes = { node: 24, manager: 256 };

export interface StormFleetOptions {
  /** `bus_failure_timeout`: a machine that starves nodes needs more than the usual second. */
  readonly failureTimeoutS: number;
  /** `bin/flotilla` of another commit, with which half of the nodes begin. */
  readonly otherProgram?: string | undefined;
}

export class StormFleet implements Shore {
  readonly failureTimeoutS: number;
  readonly machines = [...machines.nodes, ...machines.servers, machines.manager];
  readonly floating = new FloatingNetwork(...machines.nodes, ...machines.servers, machines.manager, client);
  readonly ips = floatingIps;
  readonly servers: readonly BusServer[];
  readonly clock: ProcessClock | undefined;
  readonly repository: Repository;
  readonly lines = new Map<string, NumberedLines>();
  readonly mailHosts: readonly MailHost[];
  readonly #fleet = new Fleet();
  readonly #disks: ReadonlyMap<string, SmallDisk>;
  readonly #processes = new Map<string, NodeProcess>();
  readonly #lives: NodeProcess[] = [];
  readonly otherProgram: string | undefined;
  readonly #haveOther: Set<string>;
  #traffic: Traffic | undefined;
  #lookout: Lookout | undefined;

  private constructor({ failureTimeoutS, otherProgram }: StormFleetOptions) {
    this.failureTimeoutS = failureTimeoutS;
    this.otherProgram = otherProgram;
    this.#haveOther = new Set(otherProgram === undefined ? [] : machines.nodes.slice(0, 2));
    const { folder } = this.#fleet;
    const network = this.floating;
    for (let host = 1; host <= clientHosts; host++)
      this.run(client, 'ip', 'address', 'add', `${clientNetwork}.${host}/32`, 'dev', 'eth0');
    for (const node of machines.nodes) this.connect(node);
    this.servers = machines.servers.map(
      (machine) => new BusServer({ network, machine, machines: machines.servers, folder }),
    );
    const sizes = [...machines.nodes.map((node) => [node, diskMegabytes.node] as const)];
    this.#disks = new Map(
      [...sizes, [machines.manager, diskMegabytes.manager] as const].map(([machine, megabytes]) => [
        machine,
        new SmallDisk(join(folder, `${machine}-spool`), megabytes),
      ]),
    );
    this.clock = ProcessClock.isAvailable ? new ProcessClock(join(folder, 'clock')) : undefined;
    const urls = this.servers.map(({ url }) => url);
    this.repository = new Repository({ through: network.on(client), servers: urls, folder });
    this.mailHosts = machines.nodes.map((node) => new MailHost(network.on(node), node));
  }

  /** Resolves when all processes serve and clients are at work; members may not have found each other. An error has what the fleet said as its cause. */
  static async open(options: StormFleetOptions): Promise<StormFleet> {
    const fleet = new StormFleet(options);
    try {
      await fleet.#begin();
      return fleet;
    } catch (error) {
      const said = fleet.logs();
      await fleet.end();
      throw new Error((error as Error).message, { cause: said });
    }
  }

  get traffic(): Traffic {
    return this.#traffic!;
  }

  get lookout(): Lookout {
    return this.#lookout!;
  }

  /** Of all that were started. */
  get lives(): readonly NodeProcess[] {
    return this.#lives;
  }

  get nodes(): readonly NodeProcess[] {
    return machines.nodes.map((node) => this.node(node));
  }

  /** The process on a machine, also the manager's: the latest one. */
  node(machine: string): NodeProcess {
    return this.#processes.get(machine)!;
  }

  server(machine: string): BusServer {
    return this.servers.find((server) => server.machine === machine)!;
  }

  disk(machine: string): SmallDisk {
    return this.#disks.get(machine)!;
  }

  redisSocket(node: string): string {
    return join(this.#fleet.folder, `${node}.redis`);
  }

  async start(machine: string): Promise<NodeProcess> {
    const program = this.#haveOther.has(machine) ? this.otherProgram : undefined;
    const options = {
      name: machine,
      role: machine === machines.manager ? ('manager' as const) : ('node' as const),
      workingCopy: this.repository.workingCopy(machine),
      through: this.floating.on(machine),
      environment: {
        EC_NODE_NAME: machine,
        ...(machine === clockNode ? this.clock?.environment : {}),
      },
      ...(program === undefined ? {} : { program }),
    };
    const process = await this.#fleet.start(options, startLimitMs);
    this.#processes.set(machine, process);
    this.#lives.push(process);
    return process;
  }

  /** From its next start it runs with the other program. */
  exchange(machine: string): void {
    if (!this.#haveOther.delete(machine)) this.#haveOther.add(machine);
  }

  connect(machine: string): void {
    for (const network of ['10.84.0.0/16', `${clientNetwork}.0/24`])
      this.run(machine, 'ip', 'route', 'replace', network, 'dev', 'eth0');
  }

  run(machine: string, ...words: readonly string[]): string {
    return this.floating.run(machine, ...words);
  }

  plumbedOn(machine: string): string[] {
    const [link] = JSON.parse(this.run(machine, 'ip', '-json', 'address', 'show', 'dev', 'eth0')) as {
      addr_info: { local: string }[];
    }[];
    return link!.addr_info.map(({ local }) => local).filter((ip) => this.ips.includes(ip));
  }

  /** What all processes said so far, by their names. */
  logs(): string {
    const said = [
      ...this.#lives.map((process) => [process.name, process.log()] as const),
      ...this.servers.map((server) => [server.machine, server.log()] as const),
    ];
    return said.map(([name, text]) => `--- ${name}\n${text}`).join('\n');
  }

  async end(): Promise<void> {
    this.#traffic?.stop();
    this.#lookout?.stop();
    for (const host of this.mailHosts) host.stop();
    // With the machines end all processes on them, those too that outlive a node.
    this.floating.remove();
    for (const disk of this.#disks.values()) disk.remove();
    await this.#fleet.end();
  }

  async #begin(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.start()));
    const members = [...machines.nodes, machines.manager];
    await this.repository.begin(this.#files(), members);
    for (const node of machines.nodes)
      this.lines.set(node, await NumberedLines.make(node, this.disk(node).path));
    await Promise.all(members.map((machine) => this.start(machine)));
    this.#lookout = Lookout.start(this.floating.on(client), {
      ips: this.ips,
      machines: Object.fromEntries(machines.nodes.map((node) => [node, this.floating.mac(node)])),
      asksDirectly: true,
      askEveryMs: 20,
    });
    this.#traffic = await Traffic.start(this.floating.on(client), {
      ips: this.ips,
      addresses: Array.from({ length: clientHosts }, (_, host) => `${clientNetwork}.${host + 1}`),
      nodes: Object.fromEntries(machines.nodes.map((node) => [node, this.redisSocket(node)])),
      servers: this.servers.map(({ url }) => url),
    });
    for (const lines of this.lines.values()) lines.begin();
  }

  #files(): Map<string, string> {
    const nodes = machines.nodes.map(
      (node) => [`${node}/ecelerity-cluster.conf`, nodeText(this.#places(node))] as const,
    );
    return new Map([
      [
        'default/common.conf',
        commonText(
          this.servers.map(({ url }) => url),
          this.failureTimeoutS,
        ),
      ],
      ['default/nodes.conf', nodesText(this.ips, quorum)],
      ...nodes,
      [`${machines.manager}/eccluster.conf`, managerText(this.#places(machines.manager))],
    ]);
  }

  #places(name: string): MachinePlaces {
    return {
      name,
      address: this.floating.address(name),
      console: this.#fleet.socketOf(name),
      redis: this.redisSocket(name),
      spool: this.disk(name).path,
    };
  }
}
