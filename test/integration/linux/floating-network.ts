/** Machines on one switch with a process each, and the floating addresses that tests move between them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlumbedAddress } from '../../../src/actors/kernel-port.ts';
import { Network } from '../cluster/network.ts';
import { Machine } from './machine.ts';

export const vip4: PlumbedAddress = { ip: '10.84.0.1', prefixBits: 32, interface: 'eth0' };
export const vip6: PlumbedAddress = { ip: 'fd84::1', prefixBits: 128, interface: 'eth0' };

export class FloatingNetwork {
  readonly network: Network;
  readonly #folder = mkdtempSync(join(tmpdir(), 'flotilla-linux-'));

  /** Machine names. All can reach 10.84.0.0/16 and fd84::/64 on the link. */
  constructor(...names: readonly string[]) {
    this.network = new Network(...names);
    for (const [i, name] of names.entries()) {
      this.#on(name, 'ip', 'address', 'add', `fd83::${i + 1}/64`, 'dev', 'eth0', 'nodad');
      this.#on(name, 'ip', 'route', 'add', '10.84.0.0/16', 'dev', 'eth0');
      this.#on(name, 'ip', 'route', 'add', 'fd84::/64', 'dev', 'eth0');
    }
  }

  start(name: string): Promise<Machine> {
    return Machine.start(this.network, name);
  }

  /** Of the node on a machine; it outlives the process. */
  stateFolder(name: string): string {
    return join(this.#folder, name);
  }

  async startNode(name: string, held?: 'nftables' | 'valid_lft'): Promise<Machine> {
    const machine = await this.start(name);
    await machine.open(this.stateFolder(name), held);
    return machine;
  }

  remove(): void {
    this.network.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #on(name: string, ...words: readonly string[]): void {
    const [command = '', ...rest] = [...this.network.on(name), ...words];
    execFileSync(command, rest);
  }
}
