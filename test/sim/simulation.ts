/**
 * One run: a whole cluster in this process under one scenario. A chaos phase with faults and traffic, then the final
 * topology and a time of quiet in which the cluster must come whole, then nothing may change any more.
 */

import type { MemberSettings } from '../../src/actors/member.ts';
import { hashText } from '../../src/core/hash.ts';
import type { LinkName } from '../../src/core/identity.ts';
import type { MembershipSettings, ReplicaSettings, ReplicaType } from '../../src/core/settings.ts';
import { type View, viewKey } from '../../src/core/view.ts';
import { duravipSettings } from './duravip-settings.ts';
import { type Fault, type Scenario, type ScenarioLimits, scenarioOf } from './faults.ts';
import { Harbour } from './harbour.ts';
import { SimNetwork } from './network.ts';
import type { ObjectChecker } from './object-checker.ts';
import { checkersOf } from './object-checkers.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimNode } from './sim-node.ts';
import { SumChecker } from './sum-checker.ts';
import { Traffic } from './traffic.ts';
import { ViewChecker } from './view-checker.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface RunResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** The same scenario always gives the same hash. */
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly viewChanges: number;
  /** From the last fault to the last change of view. */
  readonly settledAfterMs: number;
}

const membership: MembershipSettings = {
  beatIntervalMs: 200,
  failureTimeoutMs: 1000,
  heartbeatStartDelayMs: 3000,
  heartbeatIntervalMs: 1000,
  orderBacklog: 64,
  tellsHeard: false,
};
const replicate: ReplicaSettings[] = [
  { name: 'inbound_cidr', type: 'inbound_cidr', maxDelayMs: 300, maxPending: 20 },
  { name: 'outbound_domains', type: 'outbound_domains', maxDelayMs: 0, maxPending: 100 },
].map((object) => ({
  ...object,
  type: object.type as ReplicaType,
  parameters: [],
  maxKeys: 200,
  maxThrottles: 1000,
  maxWaitMs: 200,
  maxSize: 60,
  bindingGroup: undefined,
}));
/** Links are up again this long after their server: the longest reconnect wait. */
const reconnectMs = 400;
const settleMs = 5 * membership.failureTimeoutMs + reconnectMs;
const graphSettleMs = 12_000;
const quietMs = 6_000;
/** Longer than anything idle waits before it looks again, so that what is done twice is seen. */
const lookedAtMs = 12_000;
/** One seed in so many waits as long as the longest back-off, at rest or not. */
const patientEach = 8;
/** Cooling down after a failure, maturity, and rounds of balancing until nothing moves any more. */
const vipQuietMs = 20_000;

export class Simulation {
  readonly scenario: Scenario;
  readonly #clock = new VirtualClock();
  readonly #network: SimNetwork;
  readonly #random: SeededRandom;
  readonly #traffic: Traffic;
  readonly #views = new ViewChecker();
  readonly #sums = new SumChecker();
  readonly #objects: readonly ObjectChecker[];
  readonly #skews: SeededRandom;
  /** The process in each place; a clone has no place. */
  readonly #places: (SimNode | undefined)[];
  readonly #clones = new Set<SimNode>();
  #violations: string[] = [];
  readonly #harbour: Harbour | undefined;
  #trace = 0;
  #traceLength = 0;
  #lastChangeMs = 0;
  #viewChanges = 0;
  /** Those that `mostInstalls` of the scenario counts. */
  #countedInstalls = 0;
  #chaos = true;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.#random = new SeededRandom(scenario.seed, 'network');
    this.#skews = new SeededRandom(scenario.seed, 'skew');
    const world = { seed: scenario.seed, clock: this.#clock, living: () => this.#living() };
    this.#objects = checkersOf(scenario.objects ?? [], world);
    this.#network = new SimNetwork(this.#clock, this.#random, scenario.servers);
    this.#places = Array.from({ length: scenario.nodes }, () => undefined);
    this.#traffic = new Traffic({
      seed: scenario.seed,
      clock: this.#clock,
      places: this.#places,
      sums: this.#sums,
      objects: this.#objects,
      goesOn: () => this.#chaos || this.#clock.nowMs() < scenario.chaosMs + settleMs - 2000,
    });
    this.#harbour =
      scenario.vips &&
      new Harbour({
        clock: this.#clock,
        scenario: scenario.vips,
        seed: scenario.seed,
        nodes: scenario.nodes,
        quorum: this.#quorum,
        nodeAt: (place) => this.#places[place],
        living: () => this.#living(),
        isConnected: () => this.#isConnected(),
        violate: (text) => this.#violate(text),
        record: (text) => this.#record(text),
      });
  }

  async run(): Promise<RunResult> {
    const { scenario } = this;
    for (const place of this.#places.keys())
      this.#clock.after(this.#random.below(1500), () => this.#startNode(place));
    for (const { atMs, fault } of scenario.faults) this.#clock.after(atMs, () => this.#strike(fault));
    this.#traffic.schedule();
    await this.#clock.advance(scenario.chaosMs);
    this.#endChaos();
    const finalMs = scenario.chaosMs + (scenario.finalReach ? graphSettleMs : settleMs);
    await this.#clock.advance(finalMs);
    this.#harbour?.calm();
    const settledAfterMs = this.#lastChangeMs - scenario.chaosMs;
    if (!scenario.finalReach) this.#requireWhole();
    this.#requireCliques();
    await this.#clock.advance(Math.max(finalMs, this.#lastChangeMs + 2000));
    this.#violateAll(this.#sums.check(this.#livingWithData()));
    const changesBefore = this.#viewChanges;
    const quietUntilMs = await this.#checkObjects(finalMs + (scenario.vips ? vipQuietMs : quietMs));
    if (this.#viewChanges !== changesBefore)
      this.#violate('INV-32 views changed although connectivity is stable');
    const enough = scenario.mostInstalls?.count ?? Number.POSITIVE_INFINITY;
    if (this.#countedInstalls > enough)
      this.#violate(`BUS-21 ${this.#countedInstalls} installs where ${enough} are enough`);
    this.#views.quiet(this.#living().map((node) => this.#standingOf(node)));
    this.#harbour?.quiet();
    for (const node of this.#living()) {
      if (node.member.system.failed > 0) this.#violate(`no actor may fail: ${node.name}`);
    }
    return {
      seed: scenario.seed,
      violations: [...this.#violations, ...this.#views.violations],
      traceHash: `${this.#trace.toString(16).padStart(8, '0')}-${this.#traceLength}`,
      simulatedMs: quietUntilMs,
      viewChanges: this.#viewChanges,
      settledAfterMs,
    };
  }

  // --- processes ---------------------------------------------------------------------------------------------------

  #startNode(place: number): void {
    if (this.#places[place]?.alive) return;
    this.#places[place] = this.#startProcess(place);
  }

  #startProcess(place: number): SimNode {
    const { scenario } = this;
    const { nodes, manager, servers } = scenario;
    const home = place % servers;
    const node = new SimNode(this.#clock, this.#network, this.#random, {
      name: `relay-${place}`,
      type: manager && place === nodes - 1 ? 'Manager' : 'Momentum',
      homes: servers === nodes ? [home] : Array.from({ length: servers }, (_, i) => (home + i) % servers),
      settings: this.#settings(place),
      ...(this.#harbour && { machine: this.#harbour.machineFor(`relay-${place}`) }),
      onServed: (served, ip, up) => this.#harbour?.served(served, ip, up),
      onLog: (_node, level, text) => {
        if (process.env.SIM_TRACE === 'log') this.#record(`${node.name} ${level}: ${text}`);
        // Without addresses nothing critical happens; with them only an actor that fails is a fault of ours.
        const expected = scenario.vips && !text.startsWith('An actor failed');
        if (level === 'critical' && !expected) this.#violate(`critical at ${node.name}: ${text}`);
      },
    });
    this.#views.start(node.incarnation, node.name);
    this.#startObjects(node);
    this.#record(`start ${node.name}`);
    node.member.membership.listen({
      viewInstalled: (view, _cause, survivors) => {
        this.#record(`install ${node.name} ${viewKey(view.id)}`);
        this.#viewChanges++;
        if (this.#clock.nowMs() >= (scenario.mostInstalls?.fromMs ?? 0)) this.#countedInstalls++;
        this.#lastChangeMs = this.#clock.nowMs();
        this.#views.installed(node.incarnation, view, survivors);
        this.#harbour?.viewInstalled(node, view);
      },
      delivered: (payload, number, view) => {
        this.#record(`deliver ${node.name} ${number}`);
        this.#views.delivered(node.incarnation, payload, number, view);
        this.#harbour?.delivered(node, payload, view);
      },
      nameTaken: () => this.#endNamesake(node),
    });
    return node;
  }

  /** ID-20: the later one ends; the place it may have held is free. */
  #endNamesake(node: SimNode): void {
    this.#record(`namesake ${node.name}`);
    this.#clock.after(0, () => node.stop());
  }

  #living(): SimNode[] {
    return [...this.#places, ...this.#clones].filter((node): node is SimNode => node?.alive === true);
  }

  // --- faults --------------------------------------------------------------------------------------------------------

  #strike(fault: Fault): void {
    this.#record(`fault ${JSON.stringify(fault)}`);
    const network = this.#network;
    switch (fault.kind) {
      case 'partition':
        network.setReach((a, b) => fault.sides[a] === fault.sides[b]);
        return;
      case 'one-way':
        network.cutOneWay(fault.from, fault.to, fault.reaches);
        return;
      case 'graph':
        network.setReach((a, b) => fault.reaches[a]?.[b] ?? true);
        return;
      case 'heal':
        network.setReach(() => true);
        return;
      case 'loss':
        network.lossProbability = fault.probability;
        return;
      case 'duplicate':
        network.duplicateProbability = fault.probability;
        return;
      case 'server-down':
        network.stopServer(fault.server);
        this.#clock.after(fault.forMs, () => network.startServer(fault.server));
        return;
      default:
        this.#strikeNode(fault);
    }
  }

  #strikeNode(fault: Extract<Fault, { node: number }>): void {
    const node = this.#places[fault.node];
    if (!node?.alive) return;
    switch (fault.kind) {
      case 'kill':
        node.kill();
        this.#adviseClosed(node);
        this.#clock.after(fault.downMs, () => this.#startNode(fault.node));
        return;
      case 'stop':
        node.stop(() => this.#clock.after(this.#chaos ? fault.downMs : 0, () => this.#startNode(fault.node)));
        return;
      case 'pause':
        this.#pause(node, fault.forMs);
        return;
      case 'clone': {
        const clone = this.#startProcess(fault.node);
        this.#clones.add(clone);
        this.#clock.after(fault.forMs, () => clone.stop());
        return;
      }
      case 'link-break':
        this.#network.breakLink(node.links[fault.link], fault.forMs);
        return;
      case 'clock-step':
        node.clock.wallStepMs += fault.byMs;
        return;
      case 'unguarded-kill':
        this.#killUnguarded(fault, node);
        return;
      default:
        this.#harbour?.strike(fault, node);
    }
  }

  /** The guardian dies with the process, as in a container that is ended as a whole. */
  #killUnguarded({ node: place, downMs }: { node: number; downMs: number }, { options }: SimNode): void {
    if (options.machine) options.machine.guarded = false;
    this.#strikeNode({ kind: 'kill', node: place, downMs });
    if (options.machine) options.machine.guarded = true;
  }

  /** A stopped process misses the server's pings and loses its connections after a while. */
  #pause(node: SimNode, forMs: number): void {
    const brokenAfterMs = 700;
    node.clock.pause();
    if (forMs > brokenAfterMs) {
      this.#clock.after(brokenAfterMs, () => {
        if (!node.alive || !node.clock.paused) return;
        for (const link of Object.values(node.links)) this.#network.breakLink(link, forMs - brokenAfterMs);
      });
    }
    this.#clock.after(forMs, () => node.clock.resume());
  }

  #adviseClosed(ended: SimNode): void {
    if (!this.scenario.advisories) return;
    ended.endIsKnown = true;
    this.#clock.after(this.#random.between(1, 5), () => {
      for (const node of this.#living()) {
        if (node.links.m.server !== undefined && this.#random.chance(0.9)) node.seeClosed(ended.incarnation);
      }
    });
  }

  #endChaos(): void {
    this.#chaos = false;
    this.#record('end of chaos');
    this.#harbour?.endChaos();
    const { finalReach } = this.scenario;
    this.#network.lossProbability = 0;
    this.#network.duplicateProbability = 0;
    for (const { index } of this.#network.servers) this.#network.startServer(index);
    this.#network.setReach((a, b) => finalReach?.[a]?.[b] ?? true);
    for (const clone of this.#clones) clone.stop();
    for (const [place, node] of this.#places.entries()) {
      if (node?.clock.paused) node.clock.resume();
      for (const link of Object.values(node?.links ?? {})) link.brokenUntilMs = 0;
      this.#startNode(place);
    }
  }

  // --- shared objects of other kinds ---------------------------------------------------------------------------------

  #startObjects(node: SimNode): void {
    const skewMs = Math.min(...this.#objects.map(({ mostSkewMs }) => mostSkewMs));
    if (this.#objects.length > 0) node.clock.wallStepMs = this.#skews.between(-skewMs, skewMs);
    for (const objects of this.#objects) objects.start(node);
  }

  /** Each when it must be right; then goes on until the time given, if that is not over. */
  async #checkObjects(untilMs: number): Promise<number> {
    const settledMs = this.#clock.nowMs();
    for (const objects of this.#objects.toSorted((a, b) => a.quietMs - b.quietMs)) {
      await this.#rest(objects, settledMs + objects.quietMs);
      this.#violateAll(objects.check(this.#livingWithData()));
    }
    const endMs = Math.max(untilMs, this.#clock.nowMs());
    await this.#clock.advance(endMs);
    return endMs;
  }

  /** Until the time given; most seeds only until nothing can happen any more, and a while longer in case it does. */
  async #rest(objects: ObjectChecker, untilMs: number): Promise<void> {
    const isPatient = !objects.isAtRest || this.scenario.seed % patientEach === 1;
    for (let nowMs = this.#clock.nowMs(); nowMs < untilMs; nowMs = this.#clock.nowMs()) {
      const isOver = !isPatient && objects.isAtRest?.();
      await this.#clock.advance(
        Math.min(untilMs, isPatient ? untilMs : nowMs + (isOver ? lookedAtMs : 1000)),
      );
      if (isOver && objects.isAtRest?.()) return;
    }
  }

  // --- floating addresses ------------------------------------------------------------------------------------------

  get #quorum(): number | undefined {
    const { vips, nodes, manager } = this.scenario;
    return vips?.quorum === 'majority' ? Math.floor((nodes - (manager ? 1 : 0)) / 2) + 1 : undefined;
  }

  #settings(place: number): MemberSettings {
    const objects = [...replicate, ...this.#objects.flatMap(({ settings }) => settings ?? [])];
    if (!this.#harbour) return { membership, replicate: objects };
    const quorum = this.#quorum;
    return {
      membership: { ...membership, tellsHeard: quorum !== undefined },
      replicate: objects,
      duravip: duravipSettings(this.#harbour.vipsAt(place), quorum),
    };
  }

  #isConnected(): boolean {
    if (this.#network.lossProbability > 0 || [...this.#clones].some(({ alive }) => alive)) return false;
    const nodes = this.#living();
    return nodes.every((a, i) => nodes.slice(i + 1).every((b) => this.#hearEachOther(a, b, 'm')));
  }

  // --- final truths ----------------------------------------------------------------------------------------------------

  #requireWhole(): void {
    const nodes = this.#living();
    const views = new Set(nodes.map((node) => viewKey(node.member.membership.view.id)));
    if (views.size === 1 && nodes[0]!.member.membership.view.members.length === nodes.length) return;
    const shown = nodes.map(
      (node) =>
        `${node.name}: ${this.#shortView(node.member.membership.view)} ${node.member.membership.standing}`,
    );
    this.#violate(
      `R1 views are not whole ${settleMs} ms after everything was connected: ${shown.join('; ')}`,
    );
  }

  /** Whatever the connectivity: members of a view share it, hear each other, and views that could be one are one. */
  #requireCliques(): void {
    const nodes = this.#living();
    const mutual = (a: SimNode, b: SimNode) => this.#hearEachOther(a, b, 'm');
    const groups = new Map<string, SimNode[]>();
    for (const node of nodes) {
      const { view } = node.member.membership;
      const key = viewKey(view.id);
      groups.set(key, [...(groups.get(key) ?? []), node]);
      for (const member of view.members) {
        const other = nodes.find(({ incarnation }) => incarnation === member.incarnation);
        if (!other || viewKey(other.member.membership.view.id) !== key) {
          this.#violate(`LIFE-17 ${node.name} has ${member.node} in its view, which is elsewhere`);
        } else if (!mutual(node, other))
          this.#violate(`LIFE-17 ${node.name} and ${other.name} share a view but do not hear each other`);
      }
    }
    const parts = [...groups.values()];
    for (const [i, a] of parts.entries()) {
      for (const b of parts.slice(i + 1)) {
        if (a.every((x) => b.every((y) => mutual(x, y))))
          this.#violate(`INV-32 two views could be one: ${a.map((n) => n.name)} and ${b.map((n) => n.name)}`);
      }
    }
  }

  #hearEachOther(a: SimNode, b: SimNode, link: LinkName): boolean {
    const [from, to] = [a.links[link].server, b.links[link].server];
    return (
      from !== undefined &&
      to !== undefined &&
      this.#network.reaches(from, to) &&
      this.#network.reaches(to, from)
    );
  }

  /**
   * Nodes that can have exact sums: a node's two connections may be with different servers, and where routes stay cut,
   * members of one view may be unable to exchange rows.
   */
  #livingWithData(): SimNode[] {
    const nodes = this.#living();
    return nodes.filter((node) => {
      const members = new Set(node.member.membership.view.members.map((member) => member.incarnation));
      return nodes.every((other) => !members.has(other.incarnation) || this.#hearEachOther(node, other, 's'));
    });
  }

  #standingOf(node: SimNode) {
    const { view, applied, table, leader } = node.member.membership;
    return { incarnation: node.incarnation, view, applied, table, leader: leader?.node };
  }

  #shortView(view: View): string {
    return `${view.id.epoch}[${view.members.map((member) => member.node).join(' ')}]`;
  }

  #violate(text: string): void {
    this.#violations.push(`${(this.#clock.nowMs() / 1000).toFixed(3)} s: ${text}`);
  }

  #violateAll(texts: readonly string[]): void {
    for (const text of texts) this.#violate(text);
  }

  #record(text: string): void {
    this.#traceLength++;
    const line = `${this.#clock.nowMs().toFixed(3)} ${text}\n`;
    if (process.env.SIM_TRACE) process.stdout.write(line);
    this.#trace = hashText(line, this.#trace);
  }
}

export function simulate(seed: number, limits: ScenarioLimits = {}): Promise<RunResult> {
  return new Simulation(scenarioOf(seed, limits)).run();
}
