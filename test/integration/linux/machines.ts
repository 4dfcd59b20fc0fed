/** Machines on one switch with a process each, and the floating addresses that tests move between them. */
import { FloatingNetwork } from '../../../lab/floating-network.ts';
import type { PlumbedAddress } from '../../../src/actors/kernel-port.ts';
import { Machine } from './machine.ts';

export const vip4: PlumbedAddress = { ip: '10.84.0.1', prefixBits: 32, interface: 'eth0' };
export const vip6: PlumbedAddress = { ip: 'fd84::1', prefixBits: 128, interface: 'eth0' };

export class Machines extends FloatingNetwork {
  start(name: string): Promise<Machine> {
    return Machine.start(this, name);
  }

  async startNode(name: string, held?: 'nftables' | 'valid_lft'): Promise<Machine> {
    const machine = await this.start(name);
    await machine.open(this.stateFolder(name), held);
    return machine;
  }
}
