/**
 * Machines on one switch, as network namespaces: each has the address 10.83.0.N on `eth0` and a loopback of its own.
 * Needs root.
 *
 * Cuts drop packets where they arrive, so that senders notice nothing, as with a broken switch. Invariant: nothing of
 * it touches the namespace it is made in; `remove` ends every process inside and leaves no namespace.
 */
import { execFileSync, spawnSync } from 'node:child_process';

let networks = 0;

export class Network {
  readonly #machines: readonly string[];
  readonly #prefix = `flotilla-${process.pid}-${networks++}`;
  readonly #removeNow = () => this.remove();

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

  /** Runs a command on a machine and gives what it prints. */
  run(machine: string, ...words: readonly string[]): string {
    return this.#run(...this.on(machine), ...words);
  }

  /** Nothing that `from` sends reaches `to` any more. */
  cutOneWay(from: string, to: string): void {
    this.#run(...this.on(to), 'nft', `add element inet cuts unheard { ${this.address(from)} }`);
  }

  cut(one: string, other: string): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** Cuts this machine off from all others. */
  isolate(machine: string): void {
    for (const other of this.#machines) if (other !== machine) this.cut(machine, other);
  }

  /** The cable of this machine is pulled: its own interface sees it go. */
  unplug(machine: string): void {
    this.#ip(this.#namespace('switch'), `link set dev ${machine} down`);
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

  /** All cables in, no packet dropped. */
  heal(): void {
    for (const machine of this.#machines) {
      this.#ip(this.#namespace('switch'), `link set dev ${machine} up`);
      this.#run(...this.on(machine), 'nft', 'flush set inet cuts unheard');
    }
  }

  remove(): void {
    this.#removeMachines();
  }

  #removeMachines(): void {
    process.off('exit', this.#removeNow);
    for (const name of [...this.#machines, 'switch'].map((machine) => this.#namespace(machine))) {
      const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
      for (const pid of stdout.split('\n').filter(Boolean)) spawnSync('kill', ['-KILL', pid]);
      spawnSync('ip', ['netns', 'delete', name]);
    }
  }

  #build(): void {
    const hub = this.#namespace('switch');
    this.#run('ip', 'netns', 'add', hub);
    this.#ip(hub, 'link add name bridge type bridge');
    this.#ip(hub, 'link set dev bridge up');
    for (const machine of this.#machines) this.#connect(machine, hub);
  }

  #connect(machine: string, hub: string): void {
    const own = this.#namespace(machine);
    this.#run('ip', 'netns', 'add', own);
    this.#ip(hub, `link add name ${machine} type veth peer name eth0 netns ${own}`);
    this.#ip(hub, `link set dev ${machine} master bridge up`);
    this.#ip(own, 'link set dev lo up');
    this.#ip(own, `address add ${this.address(machine)}/24 dev eth0`);
    this.#ip(own, 'link set dev eth0 up');
    this.#run(
      ...this.on(machine),
      'nft',
      `table inet cuts {
        set unheard { type ipv4_addr; }
        chain arriving { type filter hook input priority 0; ip saddr @unheard drop; }
      }`,
    );
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
