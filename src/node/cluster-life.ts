/**
 * One life of this process in the cluster: an incarnation, its two connections, its membership and shared objects.
 * `cluster reset` ends one life and begins another in the same process (CMD-17).
 *
 * Owns the wires. Invariant: nothing of an ended life publishes any more.
 */
import { Member, type VipPorts } from '../actors/member.ts';
import type { EvidencePort, LinkPort, World } from '../actors/ports.ts';
import type { ProgramHost, ProgramPorts } from '../actors/programs.ts';
import { type ApiHandler, ApiServer } from '../bus/api-server.ts';
import type { ChannelOptions } from '../bus/channel.ts';
import { connectWire, type NatsWire } from '../bus/connection.ts';
import { type Control, type Execute, serveControl } from '../bus/control.ts';
import { watchEvidence } from '../bus/evidence.ts';
import { ClusterGroup } from '../bus/group.ts';
import { ProgramBus } from '../bus/program-bus.ts';
import { SharedBus } from '../bus/shared.ts';
import { connectionName, type GroupNames } from '../bus/subjects.ts';
import { VipBus } from '../bus/vip-bus.ts';
import type { NodeInfo } from '../core/agreement/messages.ts';
import type { Timer } from '../core/clock.ts';
import {
  type Incarnation,
  type LinkName,
  newIncarnation,
  privateName,
  privateNumber,
} from '../core/identity.ts';
import type { BusCredentials, NodeSettings } from '../core/settings.ts';
import { throttleObjects } from '../core/shared-object.ts';
import { AgreedValues } from './agreed-values.ts';
import type { BusServer } from './bus-server.ts';
import type { Floating } from './floating.ts';
import type { Machine } from './machine.ts';
import { Outage } from './outage.ts';
import type { Surroundings } from './surroundings.ts';
import { runInTurns } from './turns.ts';
import { flotillaVersion } from './version.ts';

export interface ClusterLifeOptions {
  readonly settings: NodeSettings;
  readonly server: BusServer;
  readonly around: Surroundings;
  readonly processId: number;
  /** Undefined: a manager, which owns no address and counts nothing (MEM-10, replication 4.13). */
  readonly node: NodeParts | undefined;
}

/** What a node is besides a member. */
export interface NodeParts {
  readonly address: string;
  readonly machine: Machine;
  readonly floating: Floating;
  readonly program: ProgramHost;
  /** Runs a console command that came over NATS. */
  readonly execute: Execute;
  /** Does what a request about shared objects says. */
  readonly api: ApiHandler;
}

/** For the answer to the command that ends this life. */
const answerGraceMs = 500;
/** A server has them; members that are busy take them out of their sockets this much later. */
const transitMs = 50;

export class ClusterLife {
  readonly incarnation: Incarnation;
  readonly info: NodeInfo & { readonly number: number };
  readonly member: Member;
  readonly links: Record<LinkName, NatsWire>;
  /** Undefined: switched off. */
  readonly api: ApiServer | undefined;
  readonly #control: Control | undefined;
  readonly #closers: (() => void)[] = [];
  readonly #wires: NatsWire[] = [];
  readonly #options: ClusterLifeOptions;
  /** As they are at the moment of use. */
  readonly groups: GroupNames;
  #announcing: Timer | undefined;
  #settings: NodeSettings;

  /** `earlier`: the life before a reset, ended; the own rows go on in this one. */
  constructor(options: ClusterLifeOptions, earlier?: ClusterLife) {
    this.#options = options;
    const { settings, around, server, node } = options;
    this.#settings = settings;
    this.groups = this.#groupNames();
    this.incarnation = newIncarnation(around.random);
    this.info = this.#describe();
    this.links = { m: this.#connect('m', server.credentials), s: this.#connect('s', server.credentials) };
    const busOptions = { ...around, groups: this.groups, self: this.incarnation };
    const views = new ClusterGroup(this.links.m, busOptions);
    const shared = new SharedBus(this.links.s, { ...busOptions, isManager: node === undefined });
    this.#closers.push(
      () => views.close(),
      () => shared.close(),
    );
    const world: World & Partial<VipPorts & ProgramPorts> = {
      ...around,
      ...(node && this.#nodePorts(node, busOptions)),
      links: { m: linkPort('m', this.links.m), s: linkPort('s', this.links.s) },
      views: new AgreedValues(() => this.#mustAgree, around.log).watching(views),
      shared,
      evidence: this.#evidence(server.systemCredentials),
      self: this.info,
    };
    const duravip = node?.machine.settings ?? settings.duravip;
    try {
      this.member = new Member(world, { ...settings, duravip }, earlier?.member);
    } catch (error) {
      // Nobody gets to hold this life: connections left open would keep a process alive that has given up.
      void this.#closeWires();
      throw error;
    }
    if (!node) return;
    this.api = this.#serveApi(node);
    this.#control = this.#serveControl(node);
    node.floating.follow(this.member, node.machine);
    this.#announceRegularly(duravip.broadcastIntervalMs);
  }

  /** Another configuration: its addresses, and the values that the others compare with theirs (CFG-2317). */
  configure(settings: NodeSettings): void {
    const { node } = this.#options;
    this.#settings = settings;
    node?.floating.configure(settings.duravip);
    this.member.configure(settings.replicate);
    this.member.membership.tellInfo();
    if (!node) return;
    this.#announcing?.cancel();
    this.#announceRegularly(settings.duravip.broadcastIntervalMs);
  }

  /** Ends, for another one to go on (CMD-17): no turn is long, however much the others had counted. */
  async endForNext(): Promise<void> {
    await this.end();
    await runInTurns(this.member.forgetOthers(), this.#options.around.clock);
  }

  /** Gives up all addresses, says goodbye and closes all connections (LIFE-9). */
  async end(): Promise<void> {
    await this.#control?.idle(answerGraceMs);
    await this.#options.node?.floating.giveUp();
    await this.#tellLastCounts();
    this.member.leave();
    this.#announcing?.cancel();
    for (const close of this.#closers) close();
    await this.#closeWires();
  }

  /** They go over another connection than the goodbye, which would overtake them. */
  async #tellLastCounts(): Promise<void> {
    if (!this.member.tellLastCounts()) return;
    await this.links.s.flushed();
    await new Promise<void>((resolve) => this.#options.around.clock.after(transitMs, resolve));
  }

  async #closeWires(): Promise<void> {
    await Promise.all(this.#wires.map((wire) => wire.close()));
  }

  /** On `s`: many requests must not delay a beat. */
  #serveApi({ api }: NodeParts): ApiServer | undefined {
    const { settings, around } = this.#options;
    if (!settings.api.isServed) return undefined;
    const server = new ApiServer({
      wire: this.links.s,
      groups: this.groups,
      node: settings.nodename,
      handle: api,
      maxRequests: () => this.#settings.api.maxRequests,
      ...around,
    });
    this.#closers.push(() => server.end());
    return server;
  }

  /** `view_broadcast_interval` (VIEW-10). */
  #announceRegularly(everyMs: number): void {
    if (everyMs === 0) return;
    this.#announcing = this.#options.around.clock.after(everyMs, () => {
      this.member.ownership?.announce();
      this.#announceRegularly(everyMs);
    });
  }

  #groupNames(): GroupNames {
    const { clusterGroup, controlGroup } = this.#settings;
    const life = this;
    return {
      clusterGroup,
      controlGroup,
      get logGroup() {
        return life.#settings.logGroup;
      },
    };
  }

  /** A manager shows no address, and is in no group but that of the members (ID-8, GRP-1). */
  #describe(): NodeInfo & { readonly number: number } {
    const { settings, node, around, processId } = this.#options;
    const { nodename, subcluster, controlGroup, clusterGroup } = settings;
    const life = this;
    return {
      incarnation: this.incarnation,
      number: privateNumber(processId, around.random, () => false),
      node: nodename,
      subcluster,
      type: node ? 'Momentum' : 'Manager',
      version: flotillaVersion,
      address: node?.address ?? '0.0.0.0',
      port: node ? settings.clusterPort : 0,
      groups: node ? [controlGroup, `ec_sc_${subcluster}`, clusterGroup] : [clusterGroup],
      throttles: node ? throttleObjects(settings.replicate) : [],
      get mustAgree() {
        return life.#mustAgree;
      },
    };
  }

  /** A manager has no say in addresses, and need not know their options; all members beat in the same time. */
  get #mustAgree(): ReadonlyMap<string, string> {
    const { mustAgree } = this.#settings;
    if (this.#options.node) return mustAgree;
    return new Map([...mustAgree].filter(([option]) => option.startsWith('bus_')));
  }

  #nodePorts({ machine, floating, program }: NodeParts, busOptions: ChannelOptions): VipPorts & ProgramPorts {
    const vips = new VipBus(this.links.m, busOptions);
    const programs = new ProgramBus(this.links.s, busOptions);
    this.#closers.push(
      () => vips.close(),
      () => programs.close(),
    );
    return { vips, kernel: machine.kernel, host: floating.services, programs, program };
  }

  #serveControl({ execute }: NodeParts): Control {
    const { settings, around } = this.#options;
    const { nodename: node, subcluster } = settings;
    const { incarnation, info } = this;
    const self = {
      node,
      privateName: privateName('m', info.type, info.number, node),
      subcluster,
      version: flotillaVersion,
      incarnation,
    };
    const otherEndpoints = this.api ? [this.api.endpoint] : [];
    const control = serveControl({
      wire: this.links.m,
      groups: this.groups,
      self,
      execute,
      otherEndpoints,
      timeLimitMs: () => this.#settings.controlClientTimeoutMs,
      ...around,
    });
    this.#closers.push(() => control.unsubscribe());
    return control;
  }

  #connect(link: string, credentials: BusCredentials): NatsWire {
    const { settings, server, around } = this.#options;
    const outage = new Outage(around);
    const wire = connectWire({
      link,
      name:
        link === 'system'
          ? `flotilla system ${settings.nodename}`
          : connectionName(link as LinkName, settings.nodename, this.incarnation),
      urls: server.urls,
      settings: { ...settings.bus, credentials, tls: server.tls },
      ...around,
      log: outage.log,
    });
    this.#wires.push(wire);
    // All links go the same way; what cuts off one alone is in the warnings.
    if (link === 'm') outage.watch(wire);
    return wire;
  }

  #evidence(credentials: BusCredentials | undefined): EvidencePort {
    if (!credentials) return { onClosed: () => () => {} };
    const evidence = watchEvidence({ wire: this.#connect('system', credentials), ...this.#options.around });
    this.#closers.push(() => evidence.close());
    return evidence;
  }
}

function linkPort(name: LinkName, wire: NatsWire): LinkPort {
  return {
    name,
    get state() {
      return wire.state;
    },
    onState: (listener) => wire.onState(listener),
  };
}
