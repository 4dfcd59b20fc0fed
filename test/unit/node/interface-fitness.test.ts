import { describe, expect, it } from 'vitest';
import type { KernelChange, KernelPort, NetInterface } from '../../../src/actors/kernel-port.ts';
import { InterfaceFitness } from '../../../src/node/interface-fitness.ts';
import { PowerlessKernel } from '../../../src/node/powerless-kernel.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const eth0: NetInterface = { name: 'eth0', index: 2, mac: '02:00:00:00:00:01', up: true };

/** A machine whose interfaces a test changes. */
class Interfaces extends PowerlessKernel {
  present: NetInterface[] = [];
  #listener: (change: KernelChange) => void = () => {};

  override async interfaces(): Promise<readonly NetInterface[]> {
    return this.present;
  }

  override watch(listener?: (change: KernelChange) => void): () => void {
    this.#listener = listener ?? (() => {});
    return () => {
      this.#listener = () => {};
    };
  }

  tell(change: KernelChange): void {
    this.#listener(change);
  }
}

async function watched(present: NetInterface[]) {
  const kernel = new Interfaces([]);
  kernel.present = present;
  const clock = new VirtualClock();
  const judged: string[] = [];
  const fitness = new InterfaceFitness({
    kernel: kernel satisfies KernelPort,
    clock,
    log: new Recorder().log,
    names: new Set(['eth0']),
    patienceMs: 4_000,
    judged: (name, reason) => judged.push(reason ?? `${name} is fine`),
  });
  await new Promise((turn) => setImmediate(turn));
  return { kernel, clock, judged, fitness };
}

describe('interfaces of floating addresses', () => {
  it('NET-5 one that is not there makes the node incapable, until it comes', async () => {
    const { kernel, judged } = await watched([]);
    expect(judged).toEqual(['there is no interface eth0']);
    kernel.tell({ kind: 'interface', interface: { ...eth0, name: 'eth9' } });
    kernel.tell({ kind: 'interface', interface: eth0 });
    kernel.tell({ kind: 'interface-gone', name: 'eth0' });
    expect(judged.slice(1)).toEqual(['eth0 is fine', 'there is no interface eth0']);
  });

  it('NET-19 a link that is down counts after if_down_limit, and not when it comes back before', async () => {
    const { kernel, clock, judged } = await watched([eth0]);
    judged.length = 0;
    kernel.tell({ kind: 'interface', interface: { ...eth0, up: false } });
    clock.runUntil(3_999);
    kernel.tell({ kind: 'interface', interface: eth0 });
    clock.runUntil(10_000);
    expect(judged).toEqual(['eth0 is fine']);
    kernel.tell({ kind: 'interface', interface: { ...eth0, up: false } });
    clock.runUntil(12_000);
    kernel.tell({ kind: 'interface', interface: { ...eth0, up: false } });
    clock.runUntil(14_000);
    expect(judged.slice(1)).toEqual(['the interface eth0 has no link']);
  });

  it('reads everything again when events were lost, and nothing after the end', async () => {
    const { kernel, judged, fitness } = await watched([eth0]);
    kernel.present = [];
    kernel.tell({ kind: 'unsure' });
    await new Promise((turn) => setImmediate(turn));
    expect(judged).toEqual(['eth0 is fine', 'there is no interface eth0']);
    fitness.stop();
    kernel.tell({ kind: 'interface', interface: eth0 });
    expect(judged).toHaveLength(2);
  });
});
