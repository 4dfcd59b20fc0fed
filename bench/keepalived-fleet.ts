/**
 * keepalived as the floater of addresses: VRRP version 3, its defaults but for the advertisement interval. A virtual router
 * moves as a whole, so there are three for each machine, each with another first heir: the addresses of one that is
 * lost spread over all others, as ours do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Floater, type FloatingFleet, type MachineName, machines } from './floating-fleet.ts';

interface Router {
  readonly id: number;
  /** From the owner to the last heir. */
  readonly order: readonly MachineName[];
  readonly ips: readonly string[];
}

/** Of the owner; each heir has this much less. */
const highestPriority = 200;
const priorityStep = 25;
const heirs = machines.length - 1;

export class KeepalivedFloater implements Floater {
  readonly #fleet: FloatingFleet;
  readonly #routers: readonly Router[];
  readonly #advertS: number;
  readonly #processes = new Map<MachineName, ChildProcess>();

  constructor(fleet: FloatingFleet, advertS: number) {
    this.#fleet = fleet;
    this.#advertS = advertS;
    this.#routers = routersOf(fleet.ips);
  }

  async start(machine: MachineName): Promise<void> {
    const { network } = this.#fleet;
    // A process that was killed left its addresses and files behind.
    for (const ip of this.#fleet.ownedBy(machine))
      network.run(machine, 'ip', 'address', 'del', `${ip}/32`, 'dev', 'eth0');
    const path = network.stateFolder(machine);
    for (const file of [`${path}.pid`, `${path}.vrrp.pid`]) rmSync(file, { force: true });
    const text = this.#routers.map((router) => this.#router(machine, router)).join('\n');
    writeFileSync(`${path}.conf`, `global_defs { vrrp_version 3 }\n${text}\n`);
    const [command = '', ...words] = [...network.on(machine), 'keepalived', '--dont-fork', '--vrrp'];
    const files = ['-f', `${path}.conf`, '-p', `${path}.pid`, '-r', `${path}.vrrp.pid`];
    this.#processes.set(machine, spawn(command, [...words, ...files], { stdio: 'ignore' }));
  }

  kill(machine: MachineName): void {
    const { pid } = this.#processes.get(machine)!;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    // The worker ends in good order when its parent goes first.
    for (const child of children) process.kill(Number(child), 'SIGKILL');
    process.kill(pid!, 'SIGKILL');
  }

  async stop(machine: MachineName): Promise<void> {
    const daemon = this.#processes.get(machine)!;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    await ended;
  }

  /** A packet has room for a few addresses only; the rest are `excluded` from it, and move along. */
  #router(machine: MachineName, { id, order, ips }: Router): string {
    const [first, ...rest] = ips;
    const others = rest.length === 0 ? '' : `virtual_ipaddress_excluded { \n${rest.join('\n')}\n }`;
    return `vrrp_instance router_${id} {
      state BACKUP
      interface eth0
      virtual_router_id ${id}
      priority ${highestPriority - priorityStep * order.indexOf(machine)}
      advert_int ${this.#advertS}
      virtual_ipaddress { ${first} }
      ${others}
    }`;
  }
}

function routersOf(ips: readonly string[]): Router[] {
  const routers: Router[] = [];
  for (let at = 0; at < machines.length * heirs; at++) {
    const [owner, heir] = [at % machines.length, Math.floor(at / machines.length)];
    // The heirs of a machine in turn, beginning with another one for each of its routers.
    const others = Array.from(
      { length: heirs },
      (_, i) => (owner + 1 + ((heir + i) % heirs)) % machines.length,
    );
    const order = [owner, ...others].map((place) => machines[place]!);
    const own = ips.filter((_, i) => i % (machines.length * heirs) === at);
    if (own.length > 0) routers.push({ id: at + 1, order, ips: own });
  }
  return routers;
}
