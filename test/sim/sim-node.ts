/**
 * One simulated process: the production member on a clock of its own that can be paused (SIGSTOP) or ended (SIGKILL),
 * and on two links of the simulated network.
 */
import { Member, type MemberSettings, type VipPorts } from '../../src/actors/member.ts';
import type { Ownership } from '../../src/actors/ownership.ts';
import type { EvidencePort, LinkPort, World } from '../../src/actors/ports.ts';
import { ClusterGroup, type GroupOptions } from '../../src/bus/group.ts';
import { SharedBus } from '../../src/bus/shared.ts';
import { decodeViewMessage } from '../../src/bus/view-codec.ts';
import { VipBus } from '../../src/bus/vip-bus.ts';
import type { ViewMessage } from '../../src/core/agreement/messages.ts';
import type { Clock, Timer } from '../../src/core/clock.ts';
import { type Incarnation, type LinkName, type MemberType, newIncarnation } from '../../src/core/identity.ts';
import type { Log, LogLevel } from '../../src/core/log.ts';
import { throttleObjects } from '../../src/core/shared-object.ts';
import { FakeKernel } from '../../src/net/fake-kernel.ts';
import type { FakeMachine } from '../../src/net/fake-lan.ts';
import type { SimLink, SimNetwork } from './network.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface SimNodeOptions {
  readonly name: string;
  readonly type: MemberType;
  readonly homes: readonly number[];
  readonly settings: MemberSettings;
  /** Where its addresses go on; outlives the process. Undefined: it floats none. */
  readonly machine?: FakeMachine;
  /** What serves on an address begins or ends. */
  readonly onServed?: (node: SimNode, ip: string, up: boolean) => void;
  readonly onLog: (node: SimNode, level: LogLevel, text: string, fields: unknown) => void;
}

/** The processor of one process: nothing runs while it is stopped, and nothing ever again once it is killed. */
class ProcessClock implements Clock {
  readonly #clock: VirtualClock;
  #held: (() => void)[] | undefined;
  #dead = false;
  /** Added to the wall clock by operators; the monotonic clock never steps. */
  wallStepMs = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs() + this.wallStepMs;
  }

  after(delayMs: number, run: () => void): Timer {
    let cancelled = false;
    const timer = this.#clock.after(delayMs, () =>
      this.whenRunning(() => {
        if (!cancelled) run();
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  whenRunning(run: () => void): void {
    if (this.#dead) return;
    if (this.#held) this.#held.push(run);
    else run();
  }

  get paused(): boolean {
    return this.#held !== undefined;
  }

  pause(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const run of held) this.whenRunning(run);
  }

  end(): void {
    this.#dead = true;
    this.#held = undefined;
  }
}

/** How long a process that stops waits for others to take its addresses, and then for them to go off. */
const drainMs = 600;
const releaseMs = 300;
const stopPeriodMs = 10;

const decoded = new WeakMap<ArrayBufferLike, { readonly message: ViewMessage | undefined }>();

/** All receivers of a broadcast get the same bytes, in a buffer of their own. */
function decodeOnce(bytes: Uint8Array): ViewMessage | undefined {
  let known = decoded.get(bytes.buffer);
  if (!known) {
    known = { message: decodeViewMessage(bytes) };
    decoded.set(bytes.buffer, known);
  }
  return known.message;
}

export class SimNode {
  readonly options: SimNodeOptions;
  readonly incarnation: Incarnation;
  readonly clock: ProcessClock;
  readonly links: Record<LinkName, SimLink>;
  readonly member: Member;
  readonly counters = new Map<string, number>();
  readonly #network: SimNetwork;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #evidence = new Set<(incarnation: Incarnation) => void>();
  alive = true;
  /** Others may know that it has ended: it said goodbye, or the servers told. */
  endIsKnown = false;

  constructor(clock: VirtualClock, network: SimNetwork, random: SeededRandom, options: SimNodeOptions) {
    this.options = options;
    this.#network = network;
    this.#clock = clock;
    this.#random = random;
    this.clock = new ProcessClock(clock);
    this.incarnation = newIncarnation(random);
    // What arrives waits in the socket while the process is stopped.
    const gate = (run: () => void) => this.clock.whenRunning(run);
    this.links = {
      m: network.link(`m ${options.name}`, options.homes, gate),
      s: network.link(`s ${options.name}`, options.homes, gate),
    };
    this.member = new Member(this.#world(random), options.settings);
  }

  get name(): string {
    return this.options.name;
  }

  /** SIGKILL: nothing of this process runs any more, its sockets close. */
  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    this.clock.end();
    for (const link of Object.values(this.links)) this.#network.close(link);
    this.options.machine?.abandon();
  }

  /** SIGTERM: gives away its addresses, then says goodbye. */
  stop(onEnd: () => void = () => {}): void {
    if (!this.alive) return;
    if (this.clock.paused || !this.member.ownership) this.#end(onEnd);
    else this.#release(this.member.ownership, onEnd);
  }

  /** As the node does it: others may take over first, for so long; then what is left goes off. */
  #release(
    { local, lease }: Pick<Ownership, 'local' | 'lease'>,
    onEnd: () => void,
    untilMs = this.clock.nowMs() + drainMs,
  ): void {
    const vips = [...local.all];
    const isOff = vips.every((vip) => vip.isOff && !vip.wanted);
    const nowMs = this.clock.nowMs();
    local.drain(true);
    if (nowMs >= untilMs) local.unassignAll();
    if (isOff || nowMs >= untilMs + releaseMs) void lease.end().then(() => this.#end(onEnd));
    else this.clock.after(stopPeriodMs, () => this.#release({ local, lease }, onEnd, untilMs));
  }

  #end(onEnd: () => void): void {
    if (!this.alive) return;
    if (!this.clock.paused) {
      this.member.leave();
      this.endIsKnown = true;
    }
    this.kill();
    onEnd();
  }

  /** The servers report the end of another process. */
  seeClosed(incarnation: Incarnation): void {
    if (!this.alive) return;
    this.clock.whenRunning(() => {
      for (const listener of this.#evidence) listener(incarnation);
    });
  }

  #world(random: SeededRandom): World {
    const { name, type, onLog } = this.options;
    const log = Object.fromEntries(
      (['debug', 'info', 'notice', 'warning', 'error', 'critical'] as const).map((level) => [
        level,
        (text: string, fields?: unknown) => onLog(this, level, text, fields),
      ]),
    ) as unknown as Log;
    const counters = {
      add: (counter: string, by = 1) => this.counters.set(counter, (this.counters.get(counter) ?? 0) + by),
    };
    const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
    const evidence: EvidencePort = {
      onClosed: (listener) => {
        this.#evidence.add(listener);
        return () => this.#evidence.delete(listener);
      },
    };
    const busOptions = { groups, self: this.incarnation, clock: this.clock, random, log, counters };
    return {
      clock: this.clock,
      random,
      log,
      counters,
      links: { m: this.#port('m'), s: this.#port('s') },
      views: new ClusterGroup(this.links.m.wire, { ...busOptions, decode: decodeOnce }),
      shared: new SharedBus(this.links.s.wire, { ...busOptions, isManager: type !== 'Momentum' }),
      evidence,
      ...this.#vipPorts(busOptions),
      self: {
        incarnation: this.incarnation,
        number: 10_000 + random.below(80_000),
        node: name,
        subcluster: 'default',
        type,
        version: '0.0.0',
        address: '10.0.0.1',
        port: 4802,
        groups: ['ec_console', 'ec_sc_default', 'ec_cluster'],
        throttles: throttleObjects(this.options.settings.replicate),
      },
    };
  }

  #vipPorts(busOptions: GroupOptions): Partial<VipPorts> {
    const { machine, onServed } = this.options;
    if (!machine) return {};
    const gate = (run: () => void) => this.clock.whenRunning(run);
    return {
      vips: new VipBus(this.links.m.wire, busOptions),
      kernel: new FakeKernel({
        lan: machine.lan,
        machine,
        later: (delayMs, run) => this.#clock.after(delayMs, run),
        gate,
        costMs: () => this.#random.between(0.2, 3),
      }),
      host: {
        online: (ip) => {
          onServed?.(this, ip, true);
          return this.#later({ ok: true } as const);
        },
        offline: (ip) => {
          onServed?.(this, ip, false);
          return this.#later(undefined);
        },
      },
    };
  }

  /** The host program takes a moment, and none while the process is stopped. */
  #later<T>(value: T): Promise<T> {
    return new Promise((resolve) =>
      this.#clock.after(this.#random.between(0.1, 1), () => this.clock.whenRunning(() => resolve(value))),
    );
  }

  #port(name: LinkName): LinkPort {
    const { wire } = this.links[name];
    return {
      name,
      get state() {
        return wire.state;
      },
      onState: (listener) => wire.onState((state) => this.clock.whenRunning(() => listener(state))),
    };
  }
}
