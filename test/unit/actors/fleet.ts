/**
 * Memberships over the bus in memory, on a virtual clock: everybody hears everybody after a millisecond, until a test
 * takes messages away on their way out or in.
 */
import { Membership } from '../../../src/actors/membership.ts';
import type { World } from '../../../src/actors/ports.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import { ClusterGroup } from '../../../src/bus/group.ts';
import { MemoryBus, type MemoryWire } from '../../../src/bus/memory.ts';
import type { NodeInfo, ViewMessage } from '../../../src/core/agreement/messages.ts';
import { type Incarnation, newIncarnation } from '../../../src/core/identity.ts';
import type { MembershipSettings } from '../../../src/core/settings.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

export const settings: MembershipSettings = {
  beatIntervalMs: 200,
  failureTimeoutMs: 1_000,
  heartbeatStartDelayMs: 15_000,
  heartbeatIntervalMs: 1_000,
  orderBacklog: 64,
  tellsHeard: false,
};

export class Fleet {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(1);
  readonly bus = new MemoryBus(this.clock, () => [1]);

  pass(durationMs: number): void {
    this.clock.runUntil(this.clock.nowMs() + durationMs);
  }

  start(node: string, more: Partial<NodeInfo> = {}, changes: Partial<MembershipSettings> = {}): Sailor {
    return new Sailor(this, node, more, { ...settings, ...changes });
  }

  /** Starts nodes of these names and waits until they share a view. */
  static settled<Names extends readonly string[]>(...names: Names): [Fleet, { [I in keyof Names]: Sailor }] {
    const fleet = new Fleet();
    const sailors = names.map((name) => fleet.start(name));
    fleet.pass(3_000);
    return [fleet, sailors as { [I in keyof Names]: Sailor }];
  }
}

export class Sailor {
  readonly wire: MemoryWire;
  readonly membership: Membership;
  readonly system: ActorSystem;
  readonly recorder = new Recorder();
  readonly info: NodeInfo;
  /** What it told its listeners, in words. */
  readonly told: string[] = [];
  readonly sent: ViewMessage[] = [];
  /** Messages for which these are true go no further. */
  withholds: (message: ViewMessage) => boolean = () => false;
  ignores: (message: ViewMessage) => boolean = () => false;
  reportClosed: (incarnation: Incarnation) => void = () => {};
  /** Says anything to everybody, in whoever's name. */
  say: (message: ViewMessage) => void = () => {};

  constructor(fleet: Fleet, node: string, more: Partial<NodeInfo>, membershipSettings: MembershipSettings) {
    const { clock, random } = fleet;
    const incarnation = newIncarnation(random);
    this.info = {
      incarnation,
      node,
      subcluster: 'default',
      type: 'Momentum',
      version: '4.2.1',
      address: '10.0.0.1',
      port: 4802,
      groups: ['ec_console', 'ec_sc_default', 'ec_cluster'],
      ...more,
    };
    this.wire = fleet.bus.connect(node);
    this.wire.setState('up');
    const { log, counters } = this.recorder;
    this.system = new ActorSystem({ clock, log, counters });
    const world = this.#world(fleet);
    this.membership = new Membership(this.system, world, membershipSettings);
    this.#listen();
  }

  get incarnation(): Incarnation {
    return this.info.incarnation;
  }

  /** The node names of its view, as `cluster membership` would list them. */
  get members(): string {
    return this.membership
      .members()
      .map(({ process }) => process.node)
      .join(' ');
  }

  sentOf(kind: ViewMessage['kind']): ViewMessage[] {
    return this.sent.filter((message) => message.kind === kind);
  }

  #world(fleet: Fleet): World {
    const { clock, random } = fleet;
    const { log, counters } = this.recorder;
    const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
    const group = new ClusterGroup(this.wire, {
      groups,
      self: this.incarnation,
      clock,
      random,
      log,
      counters,
    });
    const wire = this.wire;
    this.say = (message) => group.broadcast(message);
    const link = {
      name: 'm' as const,
      onState: wire.onState.bind(wire),
      get state() {
        return wire.state;
      },
    };
    const passesOut = (message: ViewMessage) => {
      if (this.withholds(message)) return false;
      this.sent.push(message);
      return true;
    };
    return {
      clock,
      random,
      log,
      counters,
      links: { m: link, s: { ...link, name: 's' } },
      views: {
        broadcast: (message) => passesOut(message) && group.broadcast(message),
        send: (to, message) => passesOut(message) && group.send(to, message),
        onEcho: (listener) => group.onEcho(listener),
        onMessage: (listener) =>
          group.onMessage((message) => {
            if (!this.ignores(message)) listener(message);
          }),
      },
      shared: { broadcast: () => false, send: () => false, onMessage: () => () => {} },
      evidence: {
        onClosed: (listener) => {
          this.reportClosed = listener;
          return () => {
            this.reportClosed = () => {};
          };
        },
      },
      self: { ...this.info, number: 1_000 + random.below(80_000) },
    };
  }

  #listen(): void {
    this.membership.listen({
      standingChanged: (standing) => this.told.push(standing),
      viewInstalled: (view, cause) =>
        this.told.push(`view ${view.members.map(({ node }) => node).join(' ')}: ${cause}`),
      delivered: (payload, number) => this.told.push(`${number} ${new TextDecoder().decode(payload)}`),
      nameTaken: (other, info) =>
        this.told.push(`name taken by ${other.node} at ${info?.address}:${info?.port}`),
      resetNeeded: (reason) => this.told.push(`reset: ${reason}`),
    });
  }
}
