/**
 * The network of `network.ts` with floating addresses: all machines reach 10.84.0.0/16 and fd84::/64 on the link, and
 * each has the address fd83::N too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Network } from './network.ts';

export class FloatingNetwork extends Network {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flotilla-lab-'));

  constructor(...machines: readonly string[]) {
    super(...machines);
    for (const [i, machine] of machines.entries()) {
      this.run(machine, 'ip', 'address', 'add', `fd83::${i + 1}/64`, 'dev', 'eth0', 'nodad');
      this.run(machine, 'ip', 'route', 'add', '10.84.0.0/16', 'dev', 'eth0');
      this.run(machine, 'ip', 'route', 'add', 'fd84::/64', 'dev', 'eth0');
    }
  }

  /** Of the node on a machine; it outlives the process. */
  stateFolder(machine: string): string {
    return join(this.#folder, machine);
  }

  override remove(): void {
    super.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
