/**
 * A node: the composition root. Reads the configuration, plugs the layers together, and runs the node actor, which says
 * what happens in which order.
 */
import { ActorSystem } from './actors/system.ts';
import type { ThrottleReplica } from './actors/throttle-replica.ts';
import type { Format } from './console/answer.ts';
import { nodeRegistry } from './console/commands/all.ts';
import { type ConsoleAnswer, Interpreter } from './console/interpreter.ts';
import { FlotillaError } from './core/errors.ts';
import type { Incarnation } from './core/identity.ts';
import { OutboundConnections } from './core/outbound-connections.ts';
import { PresentSessions } from './core/present-sessions.ts';
import type { NodeSettings, ReplicaType } from './core/settings.ts';
import type { View } from './core/view.ts';
import type { LocalService } from './net/front-listener.ts';
import { nameTaken, resolveNodeAddress } from './node/address.ts';
import { HeldSlots } from './node/api-slots.ts';
import { apiHandler } from './node/api-verbs.ts';
import { type BusServer, openBusServer } from './node/bus-server.ts';
import { Caches } from './node/caches.ts';
import { ClusterApi } from './node/cluster-api.ts';
import { ClusterLife } from './node/cluster-life.ts';
import { CommandApi } from './node/command-api.ts';
import {
  type CheckedConfiguration,
  type ConfigurationText,
  type StartingSource,
  startingFrom,
} from './node/configuration.ts';
import { ConsoleAccess } from './node/console-access.ts';
import { Consoles } from './node/consoles.ts';
import { Counts } from './node/counts.ts';
import { duravipFacts } from './node/duravip-facts.ts';
import { DuravipRecord } from './node/duravip-record.ts';
import { findMember, nodeFacts } from './node/facts.ts';
import { Floating } from './node/floating.ts';
import { FrontRecords } from './node/front-records.ts';
import { exposeGauges } from './node/gauges.ts';
import { Journals } from './node/journals.ts';
import { Lifecycle } from './node/lifecycle.ts';
import { Listeners } from './node/listeners.ts';
import { Logging } from './node/logging.ts';
import { OfferedLogs } from './node/logs.ts';
import type { LogsApi } from './node/logs-api.ts';
import { Machine } from './node/machine.ts';
import { NodeApi } from './node/node-api.ts';
import { Observation } from './node/observation.ts';
import { Peers } from './node/peers.ts';
import { applyConfiguration, type ReloadOutcome } from './node/reload.ts';
import { checkoutNow } from './node/repository/loaded-checkout.ts';
import { Puller } from './node/repository/puller.ts';
import { runningText } from './node/repository/running-saver.ts';
import { RunningConfiguration } from './node/running-configuration.ts';
import { SharedObject } from './node/shared-object.ts';
import { surroundingsOf } from './node/surroundings.ts';
import { systemClock } from './node/system-clock.ts';
import { Throttles } from './node/throttles.ts';
import { runInTurns } from './node/turns.ts';
import { flotillaVersion } from './node/version.ts';
import { floatingIpsOf, hostOfConsole, splitByAddress } from './node/vip-listeners.ts';
import type { LineOutput } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { Paniclog } from './observe/paniclog.ts';

/** How `startNode` is told what to be. One of `configFile`, `configText` and `settings` is needed. */
export interface StartOptions extends StartingSource {
  /** Where the log goes; default: standard error. */
  readonly logOutput?: LineOutput;
  /** Services of this program for listeners without `Upstream`, by `host:port` as in `Listen`. */
  readonly services?: Readonly<Record<string, LocalService>>;
  /**
   * Called before the node joins: what is registered here misses no floating address, not even the first. An error ends
   * the start.
   */
  readonly beforeJoin?: (node: RunningNode) => void | Promise<void>;
}

const sessionGraceMs = 2_000;

/**
 * Starts a node. Resolves when its console and listeners are open and it has begun to join; it serves and counts for
 * itself until the bus is reached. Rejects with FLT-1002 or FLT-1003 (configuration), FLT-1102 (address), FLT-1104 (state
 * directory), FLT-1203 (embedded server), FLT-1401 (listener), FLT-1501 (console endpoint); nothing stays open then.
 */
export async function startNode(options: StartOptions): Promise<RunningNode> {
  const node = new RunningNode(...startingFrom(options));
  await node.started;
  return node;
}

export class RunningNode extends NodeApi {
  readonly metrics = new Metrics({ unknownNames: 'ignore' });
  /** Who is there, what changes, and what programs on the nodes say to each other. */
  readonly cluster: ClusterApi;
  /** Console commands of this program. */
  readonly commands: CommandApi;
  /** Replicated caches and query caches. */
  readonly caches: Caches;
  /** Who may do how much in how long, on this node and in the whole cluster. */
  readonly throttles: Throttles;
  readonly sessions: PresentSessions;
  /** What happens to the messages of this program, for the loggers of the configuration. */
  readonly logs: LogsApi;
  /** Of clients of the API over NATS. */
  readonly #slots: HeldSlots;
  readonly #options: StartOptions;
  readonly #around: ReturnType<typeof surroundingsOf>;
  /** It has the journals, too: loggers write them, the log service offers them. */
  readonly #logging: Logging;
  readonly #interpreter: Interpreter;
  readonly #access: ConsoleAccess;
  readonly #lifecycle: Lifecycle;
  protected readonly floating: Floating;
  readonly #record: DuravipRecord;
  readonly #logs: OfferedLogs;
  protected readonly peers: Peers;
  readonly #configuration: RunningConfiguration;
  #settings: NodeSettings;
  /** As the files have them; the outbound caps know those of the start. */
  #groupOfBinding: ReadonlyMap<string, string>;
  #listeners: Listeners | undefined;
  protected readonly sharedObjects = new Map<string, SharedObject>();
  protected outbound: OutboundConnections | undefined;
  readonly #consoles: Consoles;
  readonly #observation: Observation;
  #server: BusServer | undefined;
  #machine: Machine | undefined;
  #life: ClusterLife | undefined;
  #puller: Puller | undefined;
  /** Where the configuration was read from, when it is managed. */
  readonly #checkout: string | undefined;
  protected counts: Counts | undefined;
  #address = '';

  /** @internal Use `startNode`. */
  constructor(settings: NodeSettings, options: StartOptions) {
    super();
    this.#settings = settings;
    this.#groupOfBinding = settings.caps.groupOfBinding;
    this.#options = options;
    this.#checkout = options.workingCopy === undefined ? undefined : checkoutNow(options.workingCopy);
    const paniclog = new Paniclog();
    this.#around = surroundingsOf(settings, { paniclog, counters: this.metrics, ...options });
    const { log } = this.#around;
    this.#logging = new Logging({
      settings,
      around: this.#around,
      paniclog,
      metrics: this.metrics,
      subsystem: 'node',
      fail: (reason) => void this.stop(reason),
    });
    this.logs = this.#logging.api;
    this.floating = new Floating(settings.duravip, this.#around);
    this.#record = new DuravipRecord({ groupOfBinding: () => this.#groupOfBinding, ...this.#around });
    this.#configuration = new RunningConfiguration({
      source: options,
      first: options.configuration,
      apply: (checked) => this.#apply(checked),
      inTurn: (duty) => this.#lifecycle.inTurn(duty),
      ...this.#around,
    });
    this.sessions = new PresentSessions({ ...this.#around, cluster: () => this.#inboundTable });
    this.peers = new Peers({
      settings,
      present: this.sessions.of('ECCluster'),
      around: this.#around,
      membership: () => this.#life?.member.membership,
    });
    this.#logs = new OfferedLogs({
      settings,
      journals: this.#logging.journals,
      jobs: this.peers.jobs,
      around: this.#around,
    });
    this.cluster = new ClusterApi({
      settings,
      around: this.#around,
      life: () => this.#life,
      news: this.floating.news,
    });
    this.caches = new Caches(settings.datasources, () => this.#life?.member.caches, this.#around);
    const facts = nodeFacts({
      settings,
      address: () => this.#address,
      processId: process.pid,
      paniclog,
      life: () => this.#life,
      duravip: () =>
        duravipFacts({
          member: () => this.#life?.member,
          kernel: this.#machine?.kernel,
          record: this.#record,
          ...this.#around,
        }),
      counts: () => this.counts,
      journals: new Journals(settings.audit.logDir, systemClock, () => this.counts?.journal.pages ?? []),
      caches: this.caches,
      logs: this.#logs,
      jobs: this.peers.jobs,
      loggers: this.#logging.loggers,
      configuration: this.#configuration,
      reset: () => this.#lifecycle.reset(),
      shutdown: () => void this.stop('console'),
    });
    const registry = nodeRegistry(facts);
    this.#access = new ConsoleAccess(settings, this.#around, this.sessions.of('Control'));
    this.#interpreter = new Interpreter({ registry, ...this.#around });
    this.#access.takeAccounts(this.#logging.loggers);
    this.#consoles = new Consoles({ interpreter: this.#interpreter, access: this.#access, ...this.#around });
    this.commands = new CommandApi(registry, this.#interpreter.hooks);
    const system = new ActorSystem(this.#around);
    this.throttles = new Throttles({
      around: this.#around,
      system,
      maxNamed: settings.maxNamedThrottles,
      stanzas: settings.throttles,
      inbound: settings.inboundThrottles,
      partition: settings.partition,
      groupOf: (binding) => this.#groupOfBinding.get(binding) ?? 'default',
      replica: (type) => this.#throttleReplica(type),
    });
    this.#slots = new HeldSlots(this.#around);
    const life = () => this.#life;
    const [slots, logs, configuration] = [this.#slots, this.#logs, this.#configuration];
    exposeGauges(this, { life, jobs: this.peers.jobs, logs, slots, configuration });
    this.#observation = new Observation('node', this, { around: this.#around, system, life });
    this.#lifecycle = new Lifecycle({
      system,
      log,
      duties: {
        openConsole: () => this.#openConsole(),
        join: () => this.#join(),
        openListeners: () => this.#openListeners(),
        rejoin: () => this.#rejoin(),
        close: () => this.#close(),
      },
      over: (error) => this.tell(log, 'stopped', error),
      nameTaken: (other, info) => nameTaken(other, info, settings, this.#address),
    });
  }

  /** Resolves when the node serves; rejects when it could not start. */
  get started(): Promise<void> {
    return this.#lifecycle.started;
  }

  /** Resolves when the node has stopped as it was told; rejects with the reason when it had to end. */
  get ended(): Promise<void> {
    return this.#lifecycle.ended;
  }

  /** What counts now: as configured at the start, and as changed by `reload` since. */
  get settings(): NodeSettings {
    return this.#settings;
  }

  /**
   * Reads the configuration again, or another one, and applies what a running node can follow. What is wrong is refused as a
   * whole; what needs a restart is named. What is the same as before is not touched; what was changed on a console and is in
   * no file is gone.
   */
  reload(from: ConfigurationText = this.#options): Promise<ReloadOutcome> {
    return this.#configuration.reload(from);
  }

  /** Runs a console line as an operator would type it. */
  console(line: string, format: Format = 'text'): Promise<ConsoleAnswer> {
    return this.#interpreter.answer(line, format);
  }

  /** The agreed member list of this moment. */
  get view(): View | undefined {
    return this.#life?.member.membership.view;
  }

  get incarnation(): Incarnation | undefined {
    return this.#life?.incarnation;
  }

  /** State of the node actor: starting, joining, opening, serving, resetting, stopping, stopped, failed. */
  get state(): string {
    return this.#lifecycle.state;
  }

  /** Leaves the cluster, lets sessions end, closes everything. Resolves when that is done; safe to call again. */
  async stop(reason = 'asked to'): Promise<void> {
    await this.#lifecycle.stop(reason);
  }

  #throttleReplica(type: ReplicaType): ThrottleReplica | undefined {
    if (!this.#life && this.settings.replicate.some((object) => object.type === type))
      throw new FlotillaError('FLT-1301', 'the node has not started');
    return this.#life?.member.throttles.get(type);
  }

  async #apply(checked: CheckedConfiguration): Promise<ReloadOutcome> {
    const [machine, listeners, life] = [this.#machine, this.#listeners, this.#life];
    if (this.state !== 'serving' || !machine || !listeners || !life)
      throw new FlotillaError('FLT-1004', `the node is ${this.state}`);
    const parts = {
      address: this.#address,
      machine,
      listeners,
      consoles: this.#consoles,
      floating: this.floating,
      life,
    };
    const { outcome, settings, groupOfBinding } = await applyConfiguration(checked, this.#settings, parts);
    this.#settings = settings;
    this.throttles.configure(settings);
    this.peers.configure(settings.peers);
    this.caches.configure(settings.datasources);
    this.#access.roles.configure(settings.roles);
    this.outbound?.configure(settings.caps);
    this.#logging.configure(settings);
    this.#logs.configure(settings);
    this.#around.log.setLevel(settings.logLevel);
    this.#groupOfBinding = groupOfBinding;
    this.cluster.configApplied(outcome);
    return outcome;
  }

  async #openConsole(): Promise<void> {
    await this.#observation.open(this.settings.metrics);
    const floatingIps = floatingIpsOf(this.settings.duravip.vips);
    const { fixed } = splitByAddress(this.settings.control, hostOfConsole, floatingIps);
    await this.#consoles.prepare(fixed);
    this.#address = await resolveNodeAddress(this.settings);
    if (floatingIps.has(this.#address))
      throw new FlotillaError('FLT-1102', `${this.#address} is a floating address of the configuration`);
    await this.peers.prepare(this.#address);
  }

  async #join(): Promise<void> {
    await this.#options.beforeJoin?.(this);
    this.#machine = await Machine.open(this.settings, this.#around);
    this.#server = await openBusServer(this.settings, this.#around);
    this.#beginLife(undefined);
    for (const name of this.#life?.member.tables.keys() ?? [])
      this.sharedObjects.set(name, this.#sharedObject(name));
    this.outbound = this.#outboundConnections();
    this.counts = this.#openCounts();
    this.#listeners = this.#createListeners();
    const { services } = this.floating;
    await services.reconfigure(this.settings.duravip, this.#listeners.floating(this.settings, []));
  }

  async #rejoin(): Promise<void> {
    const earlier = this.#life;
    await earlier?.endForNext();
    this.#beginLife(earlier);
  }

  #beginLife(earlier: ClusterLife | undefined): void {
    const { settings } = this;
    const life = new ClusterLife(
      {
        settings,
        server: this.#server!,
        around: this.#around,
        processId: process.pid,
        node: {
          address: this.#address,
          machine: this.#machine!,
          floating: this.floating,
          program: this.cluster.program,
          execute: (line) => this.#interpreter.run(line, 'text', this.#access.controlGroup),
          api: apiHandler({ node: this, throttles: this.throttles, caches: this.caches, slots: this.#slots }),
        },
      },
      earlier,
    );
    this.#life = life;
    this.#logging.follow(life.links.s);
    this.#puller?.follow(life.links.s);
    this.caches.watch();
    this.#record.follow(life.member);
    this.cluster.follow(life);
    this.#logs.follow(life);
    this.#lifecycle.follow(life);
    life.member.membership.listen({
      viewInstalled: (view, cause) => this.tell(this.#around.log, 'view', view, cause),
    });
  }

  async #openListeners(): Promise<void> {
    await this.#listeners!.openFixed(this.settings);
    this.#around.log.notice(`flotilla ${flotillaVersion} serves as ${this.settings.nodename}`, {
      pid: process.pid,
    });
    this.#lifecycle.serves();
    this.#keepConfiguration();
  }

  #keepConfiguration(): void {
    const { workingCopy } = this.#options;
    if (workingCopy === undefined) return;
    this.#puller = new Puller({
      conf: workingCopy,
      loaded: this.#checkout,
      clusterGroup: this.settings.clusterGroup,
      subcluster: this.settings.subcluster,
      nodename: this.settings.nodename,
      server: this.#server!,
      reload: () => this.reload(),
      running: () => runningText((line) => this.console(line)),
      around: this.#around,
    });
    this.#puller.follow(this.#life!.links.s);
  }

  get #inboundTable(): SharedObject | undefined {
    const inbound = this.settings.replicate.find(({ type }) => type === 'inbound_cidr');
    return inbound && this.sharedObjects.get(inbound.name);
  }

  #createListeners(): Listeners {
    const { services = {} } = this.#options;
    const records = new FrontRecords(this.#logging.loggers, this.#around);
    return new Listeners(this.settings, {
      around: this.#around,
      interpreter: this.#interpreter,
      access: this.#access,
      peers: this.peers,
      redis: { caches: this.caches, member: () => this.#life!.member },
      inbound: this.#inboundTable,
      present: this.sessions,
      optionsOf: ({ kind, listen: { host, port } }) => {
        const listen = `${host}:${port}`;
        return {
          onEvent: (event) => {
            // Inbound SMTP connections (replication 8.1), let in or not.
            if (kind === 'esmtp' && (event.type === 'opened' || event.type === 'refused'))
              this.counts?.audit.count('connect', event.client.address);
            records.take(listen, event);
            this.tell(this.#around.log, 'session', listen, event);
          },
          ...(services[listen] ? { service: services[listen] } : {}),
        };
      },
    });
  }

  /**
   * Floating addresses first, because others wait to serve on them; then sessions, so that nobody is cut off in
   * mid-sentence; the console last, so that it can be watched.
   */
  async #close(): Promise<void> {
    this.#around.log.notice(`stopping: ${this.#lifecycle.stopReason ?? 'the node cannot go on'}`);
    const pulled = this.#puller?.stop();
    await this.floating.giveUp();
    // Before the transfers between nodes are waited for: those of logs never end by themselves.
    await this.#logs.stop();
    await (this.#listeners ?? this.peers).stop(sessionGraceMs);
    this.outbound?.stop();
    this.cluster.end();
    await this.counts?.stop();
    this.#slots.stop();
    this.throttles.stop();
    await this.#life?.end();
    await this.caches.close();
    await this.#machine?.kernel.close();
    await pulled;
    await this.#server?.stop();
    await this.#logging.close();
    await this.#consoles.stop();
    await this.#observation.stop();
  }

  #sharedObject(name: string): SharedObject {
    return new SharedObject(
      name,
      () => this.#life!.member.tables.get(name)!,
      (from) => findMember(this.#life, from)?.incarnation,
    );
  }

  #openCounts(): Counts {
    const { member, incarnation } = this.#life!;
    return new Counts({
      settings: this.settings.audit,
      around: this.#around,
      self: incarnation,
      life: () => this.#life?.incarnation,
      metrics: member.series.get('metrics'),
      managers: member.series.get('eccmgr_metrics'),
    });
  }

  #outboundConnections(): OutboundConnections {
    const { caps, replicate } = this.settings;
    const rowsName = replicate.find(({ type }) => type === 'outbound_binding_domains')?.name;
    const rows = rowsName === undefined ? undefined : this.#life?.member.tables.get(rowsName)?.gaugeTable;
    const connections = new OutboundConnections(caps, this.sharedObjects, rows);
    connections.onWork = (work) => void runInTurns(work, this.#around.clock);
    return connections;
  }
}
