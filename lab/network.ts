/**
 * Machines on one switch, as network namespaces: each has the address 10.83.0.N on `eth0` and a loopback of its own.
 * Needs root.
 *
 * Cuts drop frames inside the switch, of every protocol, so that senders notice nothing. Each fault returns how to undo
 * it and nothing else; `heal` undoes all. Invariant: nothing of it touches the namespace it is made in; `remove` ends
 * every process inside and leaves no namespace.
 */
import { execFileSync, spawnSync } from 'node:child_process';

let networks = 0;

/** Ends one fault, and leaves all others. */
export type Undo = () => void;

/** How many frames of a hundred are lost between machines that lose some. */
const lostOf100 = 30;
const setNames = ['unheard', 'lossy', 'closed'] as const;

/** At the port of one machine: senders that it hears not, or not always, and its own TCP ports that nothing passes. */
const cutsAt = (machine: string) => `table netdev cuts {
  set unheard-${machine} { type ether_addr; }
  set lossy-${machine} { type ether_addr; }
  set closed-${machine} { type inet_service; }
  chain to-${machine} {
    type filter hook egress device ${machine} priority 0;
    ether saddr @unheard-${machine} drop
    ether saddr @lossy-${machine} numgen random mod 100 < ${lostOf100} drop
    tcp sport @closed-${machine} drop
    tcp dport @closed-${machine} drop
  }
  chain from-${machine} {
    type filter hook ingress device ${machine} priority 0;
    tcp sport @closed-${machine} drop
    tcp dport @closed-${machine} drop
  }
}`;

export class Network {
  readonly #machines: readonly string[];
  readonly #prefix = `flotilla-${process.pid}-${networks++}`;
  readonly #removeNow = () => this.remove();
  /** Of each fault that lasts, the elements it has in the sets: several may have the same one. */
  readonly #cuts = new Set<readonly string[]>();

  /** Machine names of at most 10 characters. */
  constructor(...machines: readonly string[]) {
    this.#machines = machines;
    process.on('exit', this.#removeNow);
    try {
      this.#build();
    } catch (error) {
      this.#removeMachines();
      throw error;
    }
  }

  /** Words in front of a command that is to run on this machine. */
  on(machine: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#namespace(machine)];
  }

  address(machine: string): string {
    return `10.83.0.${this.#machines.indexOf(machine) + 1}`;
  }

  mac(machine: string): string {
    return this.run(machine, 'cat', '/sys/class/net/eth0/address').trim();
  }

  /** Runs a command on a machine and gives what it prints. */
  run(machine: string, ...words: readonly string[]): string {
    return this.#run(...this.on(machine), ...words);
  }

  /** Nothing that any of the ones sends reaches any of the others. */
  cutOneWay(from: readonly string[], to: readonly string[]): Undo {
    return this.#cut(this.#from(from, to, 'unheard'));
  }

  /** Cuts every machine of the one side off from every machine of the other. */
  separate(one: readonly string[], others: readonly string[]): Undo {
    return this.#cut([...this.#from(one, others, 'unheard'), ...this.#from(others, one, 'unheard')]);
  }

  /** Cuts this machine off from all others. */
  isolate(machine: string): Undo {
    return this.separate([machine], this.#others(machine));
  }

  /** Of what passes between this machine and others, 30 % is lost, in both directions. */
  loseSome(machine: string): Undo {
    const others = this.#others(machine);
    return this.#cut([...this.#from([machine], others, 'lossy'), ...this.#from(others, [machine], 'lossy')]);
  }

  /** Nothing passes between this TCP port of the machines and others; everything else does. */
  cutPort(machines: readonly string[], port: number): Undo {
    return this.#cut(machines.map((machine) => `closed-${machine} { ${port} }`));
  }

  /** Nothing passes to or from this TCP port within the machine; `unblockOwnPorts` ends it. */
  blockOwnPort(machine: string, port: number): void {
    this.#run(
      ...this.on(machine),
      'nft',
      `table inet blocked {
        chain arriving { type filter hook input priority 0; iif lo tcp dport ${port} drop; iif lo tcp sport ${port} drop; }
      }`,
    );
  }

  unblockOwnPorts(machine: string): void {
    this.#run(...this.on(machine), 'nft', 'delete table inet blocked');
  }

  /** Every process on the machine. */
  signalAll(machine: string, signal: NodeJS.Signals): void {
    for (const pid of this.#pids(this.#namespace(machine))) process.kill(pid, signal);
  }

  /** The cable of this machine is pulled: its own interface sees it go. */
  unplug(machine: string): Undo {
    this.#ip(this.#namespace('switch'), `link set dev ${machine} down`);
    return () => this.#plugIn(machine);
  }

  /**
   * Whether these machines hold TCP connections, and on none of them is anything sent again and again, as after a cut.
   * Bytes that merely wait to be acknowledged say nothing: of many connections with pings, one always has some.
   */
  areConnected(one: string, other: string): boolean {
    const lines = [
      ...this.#connections(one, this.address(other)),
      ...this.#connections(other, this.address(one)),
    ];
    return lines.length > 0 && !lines.some((line) => /timer:\(on,[^,]*,[1-9]/.test(line));
  }

  #connections(machine: string, address: string): string[] {
    const command = [...this.on(machine), 'ss', '-Htno', 'state', 'established', 'dst', address];
    return this.#run(...command)
      .split('\n')
      .filter(Boolean);
  }

  /** All cables in, no frame dropped. */
  heal(): void {
    for (const machine of this.#machines) this.#plugIn(machine);
    this.#cuts.clear();
    this.#applyCuts();
  }

  remove(): void {
    this.#removeMachines();
  }

  #removeMachines(): void {
    process.off('exit', this.#removeNow);
    for (const name of [...this.#machines, 'switch'].map((machine) => this.#namespace(machine))) {
      for (const pid of this.#pids(name)) spawnSync('kill', ['-KILL', String(pid)]);
      spawnSync('ip', ['netns', 'delete', name]);
    }
  }

  /** None for a namespace that is not there. */
  #pids(namespace: string): number[] {
    const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
    return stdout.split('\n').filter(Boolean).map(Number);
  }

  #others(machine: string): string[] {
    return this.#machines.filter((other) => other !== machine);
  }

  #from(senders: readonly string[], machines: readonly string[], set: 'unheard' | 'lossy'): string[] {
    const macs = senders.map((machine) => this.mac(machine)).join(', ');
    return machines.map((machine) => `${set}-${machine} { ${macs} }`);
  }

  #cut(elements: readonly string[]): Undo {
    this.#cuts.add(elements);
    this.#applyCuts();
    return () => {
      if (this.#cuts.delete(elements)) this.#applyCuts();
    };
  }

  /** In one transaction, so that no frame passes that two faults drop. */
  #applyCuts(): void {
    const emptied = this.#machines.flatMap((machine) =>
      setNames.map((set) => `flush set netdev cuts ${set}-${machine}`),
    );
    const filled = [...this.#cuts].flat().map((element) => `add element netdev cuts ${element}`);
    this.#run(...this.on('switch'), 'nft', [...emptied, ...filled].join('; '));
  }

  #plugIn(machine: string): void {
    this.#ip(this.#namespace('switch'), `link set dev ${machine} up`);
  }

  #build(): void {
    const hub = this.#namespace('switch');
    this.#run('ip', 'netns', 'add', hub);
    this.#ip(hub, 'link add name bridge type bridge');
    this.#ip(hub, 'link set dev bridge up');
    for (const machine of this.#machines) this.#connect(machine, hub);
    // Made before the bridge, its rules would see no frame.
  }

  #connect(machine: string, hub: string): void {
    const own = this.#namespace(machine);
    this.#run('ip', 'netns', 'add', own);
    this.#ip(hub, `link add name ${machine} type veth peer name eth0 netns ${own}`);
    this.#ip(hub, `link set dev ${machine} master bridge up`);
    this.#run(...this.on('switch'), 'nft', cutsAt(machine));
    this.#ip(own, 'link set dev lo up');
    this.#ip(own, `address add ${this.address(machine)}/24 dev eth0`);
    this.#ip(own, 'link set dev eth0 up');
  }

  #namespace(machine: string): string {
    return `${this.#prefix}-${machine}`;
  }

  #ip(namespace: string, command: string): void {
    this.#run('ip', '-n', namespace, ...command.split(' '));
  }

  #run(...[command = '', ...words]: readonly string[]): string {
    return execFileSync(command, words, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  }
}
