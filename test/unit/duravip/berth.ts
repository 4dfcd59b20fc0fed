/**
 * One node's floating addresses alone, on a fake machine: the real actors and plumber, a host program that a test can
 * make refuse, and everything that was done written down in its order.
 */
import type { Handover, VipHost } from '../../../src/actors/duravip.ts';
import { noWait } from '../../../src/actors/duravip.ts';
import type { KernelPort, PlumbOutcome } from '../../../src/actors/kernel-port.ts';
import { type LocalVip, LocalVips } from '../../../src/actors/local-vips.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import { FakeKernel } from '../../../src/net/fake-kernel.ts';
import { FakeLan, type FakeMachine } from '../../../src/net/fake-lan.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';
import { localVip } from './harbour.ts';

export const ip = '10.9.0.1';
export const coolDownMs = 30_000;
export const patienceMs = 4_000;
/** Of one call to the kernel, and of the host program. */
export const costMs = 1;

export class Berth {
  readonly clock = new VirtualClock();
  readonly lan = new FakeLan(this.clock);
  readonly machine: FakeMachine = this.lan.machine('here');
  readonly other: FakeMachine = this.lan.machine('other');
  readonly recorder = new Recorder();
  readonly kernel: KernelPort;
  readonly system: ActorSystem;
  readonly local: LocalVips;
  /** In their order: calls of kernel and host, and what was told to the others. */
  readonly steps: string[] = [];
  /** What the host program answers. */
  prepare: () => Promise<PlumbOutcome> = () => this.#later({ ok: true });
  online: () => Promise<PlumbOutcome> = () => this.#later({ ok: true });
  offline: () => Promise<void> = () => this.#later(undefined);
  /** The claims of the view are known, and there is a quorum. */
  mayBegin = true;
  /** Called with each word to the others; may throw. */
  onReleased: (ip: string) => void = () => {};

  constructor(vips: readonly LocalVip[] = [localVip(ip)]) {
    const { clock, recorder } = this;
    const kernel = new FakeKernel({
      lan: this.lan,
      machine: this.machine,
      later: (delayMs, run) => clock.after(delayMs, run),
      gate: (run) => run(),
      costMs: () => costMs,
    });
    this.kernel = this.#recorded(kernel);
    const world = { clock, log: recorder.log, counters: recorder.counters };
    this.system = new ActorSystem(world);
    const settings = { vips, patience: { coolDownMs, patienceMs }, probeMs: 10, probeLimitMs: 3_000 };
    this.local = new LocalVips(this.system, settings, {
      ...world,
      kernel: this.kernel,
      host: this.#host(),
      mayBegin: () => this.mayBegin,
      announcementChanged: () => this.steps.push(`announce ${this.#shown()}`),
      released: (address) => {
        this.steps.push(`released ${address}`);
        this.onReleased(address);
      },
      leaving: (addresses) => this.steps.push(`leaving ${addresses.join(' ')}`),
      acquired: (addresses) => this.steps.push(`tell neighbours ${ips(addresses)}`),
      claimed: ({ ip }, mac) => this.steps.push(`defend ${ip} against ${mac}`),
    });
  }

  /** The slate is clean and the node has a lease. */
  static async ready(vips?: readonly LocalVip[]): Promise<Berth> {
    const berth = new Berth(vips);
    await berth.pass(10);
    berth.machine.leaseUntil(Number.MAX_SAFE_INTEGER);
    berth.steps.length = 0;
    return berth;
  }

  /** As ready, and these are on. */
  static async owning(vips?: readonly LocalVip[]): Promise<Berth> {
    const berth = await Berth.ready(vips);
    for (const { ip: address } of berth.vips) berth.assign(address);
    await berth.pass(20);
    berth.steps.length = 0;
    return berth;
  }

  get vips() {
    return [...this.local.all];
  }

  state(address = ip): string | undefined {
    return this.system.list().find(({ id }) => id === `duravip ${address}`)?.state;
  }

  /** Addresses that answer here. */
  get answering(): string {
    return [...this.machine.addresses.keys()].filter((each) => this.machine.answersFor(each)).join(' ');
  }

  get on(): string {
    return [...this.machine.addresses.keys()].join(' ');
  }

  assign(address = ip, handover: Handover = noWait): void {
    this.local.assign(new Map([[address, handover]]));
  }

  unassign(address = ip): void {
    this.local.unassign([address]);
  }

  async pass(durationMs: number): Promise<void> {
    await turn();
    await this.clock.advance(this.clock.nowMs() + durationMs);
    await turn();
  }

  /** Whoever has it now: `a: capable`. */
  #shown(): string {
    const { announcements } = this.local;
    const words = announcements.map(({ ip: address, capable, draining }) =>
      [address, capable ? 'capable' : 'incapable', ...(draining ? ['draining'] : [])].join(' '),
    );
    return words.join(', ') || 'nothing';
  }

  #host(): VipHost {
    const note = (what: string, address: string) => this.steps.push(`${what} ${address}`);
    return {
      prepare: (address) => {
        note('prepare', address);
        return this.prepare();
      },
      online: (address) => {
        note('online', address);
        return this.online();
      },
      offline: (address) => {
        note('offline', address);
        return this.offline();
      },
      removed: (address) => note('removed', address),
    };
  }

  #recorded(kernel: FakeKernel): KernelPort {
    const { steps } = this;
    const { lease } = kernel;
    return {
      problems: () => kernel.problems(),
      interfaces: () => kernel.interfaces(),
      addresses: () => kernel.addresses(),
      plumb: (addresses) => {
        steps.push(`plumb ${addresses.map((each) => `${each.ip} ${each.interface}`).join(', ')}`);
        return kernel.plumb(addresses);
      },
      unplumb: (addresses) => {
        steps.push(`unplumb ${addresses.map((each) => `${each.ip} ${each.interface}`).join(', ')}`);
        return kernel.unplumb(addresses);
      },
      announce: (frames) => kernel.announce(frames),
      probe: (address, name, timeoutMs) => {
        steps.push(`probe ${address}`);
        return kernel.probe(address, name, timeoutMs);
      },
      neighbours: () => kernel.neighbours(),
      watch: (listener) => kernel.watch(listener),
      close: () => kernel.close(),
      lease: {
        ...lease,
        drop: () => {
          steps.push('drop');
          return lease.drop();
        },
        manage: (addresses) => {
          steps.push(`manage ${addresses.join(' ')}`);
          return lease.manage(addresses);
        },
        own: (addresses) => {
          steps.push(`own ${addresses.join(' ')}`);
          return lease.own(addresses);
        },
        disown: (addresses) => {
          steps.push(`disown ${addresses.join(' ')}`);
          return lease.disown(addresses);
        },
      },
    };
  }

  #later<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.clock.after(costMs, () => resolve(value)));
  }
}

/** What only waits for promises gets its say. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

function ips(addresses: readonly { readonly ip: string }[]): string {
  return addresses.map(({ ip: address }) => address).join(' ');
}
