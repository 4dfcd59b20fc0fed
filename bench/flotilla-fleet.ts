/** Flotilla as the floater of addresses: `flotilla node` on each machine, with a NATS server of its own, as by default. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { until } from '../test/integration/until.ts';
import { type Floater, type FloatingFleet, type MachineName, machines } from './floating-fleet.ts';

export type Profile = 'default' | 'fast';

/** Benchmarks run in the root of the repository. */
const bin = resolve('bin/flotilla');

export class FlotillaFloater implements Floater {
  readonly #fleet: FloatingFleet;
  readonly #profile: Profile;
  readonly #nodes = new Map<MachineName, ChildProcess>();

  constructor(fleet: FloatingFleet, profile: Profile) {
    this.#fleet = fleet;
    this.#profile = profile;
  }

  async start(machine: MachineName): Promise<void> {
    const { network } = this.#fleet;
    const configFile = `${network.stateFolder(machine)}.conf`;
    writeFileSync(configFile, this.#configuration(machine));
    const [command = '', ...words] = network.on(machine);
    const node = spawn(command, [...words, process.execPath, bin, 'node', '--config', configFile], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#nodes.set(machine, node);
    let said = '';
    node.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until(() => {
      if (node.exitCode !== null) throw new Error(`the node on ${machine} ended with ${node.exitCode}`);
      return said.includes(' serves ');
    });
  }

  kill(machine: MachineName): void {
    this.#nodes.get(machine)!.kill('SIGKILL');
  }

  async stop(machine: MachineName): Promise<void> {
    const node = this.#nodes.get(machine)!;
    const ended = once(node, 'exit');
    node.kill('SIGTERM');
    await ended;
  }

  /** What only decides how soon all is well again between two measurements is short. */
  #configuration(machine: MachineName): string {
    const { network, ips } = this.#fleet;
    const peers = machines.map((each) => `${each} = ${network.address(each)}`).join('\n');
    const bindings = ips.map((ip) => `Binding "${ip}" { Bind_Address = ${ip}  Enable_Duravip = true }`);
    return `
      msgc_server { port = 4222  peers = [\n${peers}\n]  secret = "a benchmark" }
      msgcserver_listener { Listen ":4809" { } }
      cluster {
        nodename = "${machine}"
        nodeaddr = ${network.address(machine)}
        state_dir = "${network.stateFolder(machine)}"
        profile = ${this.#profile}
        Topology "10.84.0.0/16" { interface = eth0 }
        view_mature_time = 1
        view_balance_interval = 1
        duravip_balance_set_size = 1000
      }
      Control_Listener { Listen "${network.stateFolder(machine)}.console" { } }
      ${bindings.join('\n')}`;
  }
}
