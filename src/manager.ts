/**
 * A manager: the composition root of a process that joins the cluster, carries no traffic, and collects what the nodes
 * count and log. Nodes never need it (MGR-4). Each thing that it does is a part with a life of its own, told of each life in
 * the cluster, and of each configuration.
 */
import { join } from 'node:path';
import type { AggregateStore } from './actors/log-ports.ts';
import { ActorSystem } from './actors/system.ts';
import type { Format } from './console/answer.ts';
import { managerRegistry } from './console/commands/all.ts';
import type { ManagerFacts } from './console/facts.ts';
import { type ConsoleAnswer, Interpreter } from './console/interpreter.ts';
import { FlotillaError } from './core/errors.ts';
import type { NodeSettings } from './core/settings.ts';
import type { Process, View } from './core/view.ts';
import { AsLogger } from './manager/as-logger.ts';
import { ControlCache } from './manager/control-cache.ts';
import { Dispatch } from './manager/dispatch.ts';
import { LogCollection } from './manager/log-collection.ts';
import { followed } from './manager/reload.ts';
import { type BusServer, openBusServer } from './node/bus-server.ts';
import { ClusterLife } from './node/cluster-life.ts';
import { type CheckedConfiguration, type StartingSource, startingFrom } from './node/configuration.ts';
import { ConsoleAccess } from './node/console-access.ts';
import { Consoles } from './node/consoles.ts';
import { linkFacts, membersOf, viewFacts } from './node/facts.ts';
import { exposeManagerGauges } from './node/gauges.ts';
import { Jobs } from './node/jobs.ts';
import { Journals } from './node/journals.ts';
import { Lifecycle } from './node/lifecycle.ts';
import { Logging } from './node/logging.ts';
import { Observation } from './node/observation.ts';
import type { ReloadOutcome } from './node/reload.ts';
import { checkoutNow } from './node/repository/loaded-checkout.ts';
import { Puller } from './node/repository/puller.ts';
import { runningText } from './node/repository/running-saver.ts';
import { RunningConfiguration } from './node/running-configuration.ts';
import { surroundingsOf } from './node/surroundings.ts';
import { flotillaVersion } from './node/version.ts';
import type { LineOutput } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { Paniclog } from './observe/paniclog.ts';

/** How `startManager` is told what to be. One of `configFile`, `configText` and `settings` is needed. */
export interface ManagerOptions extends StartingSource {
  /** Does without the lock on the control cache: whoever says so sees to it that no other process has it open. */
  readonly unlocked?: boolean;
  /** Where the log goes; default: standard error. */
  readonly logOutput?: LineOutput;
  /** Where the logs of nodes go; default: the files of `Logs`. */
  readonly logStore?: AggregateStore;
}

/**
 * Starts a manager. Resolves when its console is open and it has begun to join; it goes on until the bus is reached.
 * Rejects with FLT-1002 or FLT-1003 (configuration), FLT-1104 (state directory), FLT-1105 (directory for series),
 * FLT-1203 (embedded server), FLT-1501 (console endpoint), FLT-2701 (control cache); nothing stays open then.
 */
export async function startManager(options: ManagerOptions): Promise<RunningManager> {
  const manager = new RunningManager(...startingFrom(options));
  await manager.started;
  return manager;
}

export class RunningManager {
  #settings: NodeSettings;
  readonly metrics = new Metrics({ unknownNames: 'ignore' });
  readonly #around: ReturnType<typeof surroundingsOf>;
  readonly #logging: Logging;
  readonly #access: ConsoleAccess;
  readonly #configuration: RunningConfiguration;
  readonly #interpreter: Interpreter;
  readonly #lifecycle: Lifecycle;
  readonly #consoles: Consoles;
  readonly #observation: Observation;
  #server: BusServer | undefined;
  #asLogger: AsLogger | undefined;
  readonly #jobs: Jobs;
  readonly #collection: LogCollection;
  #cache: ControlCache | undefined;
  #dispatch: Dispatch | undefined;
  #life: ClusterLife | undefined;
  #puller: Puller | undefined;
  readonly #workingCopy: string | undefined;
  readonly #unlocked: boolean;
  /** Where the configuration was read from, when it is managed. */
  readonly #checkout: string | undefined;

  /** @internal Use `startManager`. */
  constructor(settings: NodeSettings, options: ManagerOptions) {
    this.#settings = settings;
    this.#workingCopy = options.workingCopy;
    this.#unlocked = options.unlocked === true;
    this.#checkout = options.workingCopy === undefined ? undefined : checkoutNow(options.workingCopy);
    const paniclog = new Paniclog();
    this.#around = surroundingsOf(settings, { paniclog, counters: this.metrics, ...options });
    const { log } = this.#around;
    this.#access = new ConsoleAccess(settings, this.#around);
    this.#jobs = new Jobs(this.#around);
    // Of what a manager does only the paniclog and the account log have lines.
    this.#logging = new Logging({
      settings,
      around: this.#around,
      paniclog,
      metrics: this.metrics,
      subsystem: 'manager',
      fail: (reason) => void this.stop(reason),
    });
    this.#access.takeAccounts(this.#logging.loggers);
    this.#collection = new LogCollection(settings, {
      around: this.#around,
      metrics: this.metrics,
      jobs: this.#jobs,
      journals: this.#logging.journals,
      store: options.logStore,
      onPipeFailure: (reason) => void this.stop(reason),
    });
    exposeManagerGauges(this.metrics, this.#collection, () => this.#cache);
    this.#configuration = new RunningConfiguration({
      source: options,
      first: options.configuration,
      apply: (checked) => this.#apply(checked),
      inTurn: (duty) => this.#lifecycle.inTurn(duty),
      ...this.#around,
    });
    const registry = managerRegistry(this.#facts(paniclog));
    this.#interpreter = new Interpreter({ registry, ...this.#around });
    this.#consoles = new Consoles({ interpreter: this.#interpreter, access: this.#access, ...this.#around });
    const system = new ActorSystem(this.#around);
    const life = () => this.#life;
    this.#observation = new Observation('manager', this, { around: this.#around, system, life });
    this.#lifecycle = new Lifecycle({
      system,
      log,
      duties: {
        openConsole: () => this.#openConsole(),
        join: () => this.#join(),
        openListeners: () => this.#serve(),
        rejoin: () => this.#rejoin(),
        close: () => this.#close(),
      },
      over: () => {},
      nameTaken: ({ number }) => nameTaken(settings, number),
    });
  }

  get settings(): NodeSettings {
    return this.#settings;
  }

  /** Resolves when the manager serves; rejects when it could not start. */
  get started(): Promise<void> {
    return this.#lifecycle.started;
  }

  /** Resolves when the manager has stopped as it was told; rejects with the reason when it had to end. */
  get ended(): Promise<void> {
    return this.#lifecycle.ended;
  }

  /** As of a node: starting, joining, opening, serving, resetting, stopping, stopped, failed. */
  get state(): string {
    return this.#lifecycle.state;
  }

  /** The agreed member list of this moment. */
  get view(): View | undefined {
    return this.#life?.member.membership.view;
  }

  /** Runs a console line as an operator would type it. */
  console(line: string, format: Format = 'text'): Promise<ConsoleAnswer> {
    return this.#interpreter.answer(line, format);
  }

  /**
   * Reads the configuration again, or another file, and applies what a running manager can follow; what needs a restart is
   * named. Never rejects: what is wrong is in the outcome, and nothing has changed then.
   */
  reload(file?: string): Promise<ReloadOutcome> {
    return this.#configuration.reload(file);
  }

  async #apply(checked: CheckedConfiguration): Promise<ReloadOutcome> {
    if (this.state !== 'serving') throw new FlotillaError('FLT-1004', `the manager is ${this.state}`);
    const { outcome, settings } = followed(checked, this.#settings);
    await this.#consoles.prepare(settings.control);
    // From here on nothing can be refused any more.
    this.#settings = settings;
    this.#around.log.setLevel(settings.logLevel);
    this.#access.roles.configure(settings.roles);
    this.#consoles.configure(settings.control);
    this.#logging.configure(settings);
    this.#life?.configure(settings);
    this.#cache?.configure(settings.controlCache);
    if (settings.asLogger) this.#asLogger?.configure(settings.asLogger);
    await this.#collection.configure(settings);
    return outcome;
  }

  /** Leaves the cluster, writes what it has received, closes everything. Safe to call again. */
  async stop(reason = 'asked to'): Promise<void> {
    await this.#lifecycle.stop(reason);
  }

  #facts(paniclog: Paniclog): ManagerFacts {
    const { settings } = this;
    const logGroup = () => this.settings.logGroup;
    const { clock } = this.#around;
    const { loggers } = this.#logging;
    return {
      nodename: settings.nodename,
      controlGroup: settings.controlGroup,
      clusterGroup: settings.clusterGroup,
      get logGroup() {
        return logGroup();
      },
      version: flotillaVersion,
      processId: process.pid,
      members: () => membersOf(this.#life),
      link: (name) => linkFacts(this.#life, name),
      view: () => viewFacts(this.#life),
      paniclog: () => paniclog.list(),
      journals: new Journals(
        settings.asLogger?.baseDir ?? settings.audit.logDir,
        clock,
        () => this.#asLogger?.pages ?? [],
      ),
      jobs: () => this.#jobs.list(),
      abortJob: (id) => this.#jobs.abort(id),
      pulledLogs: this.#collection,
      loggers: {
        get names() {
          return loggers.names;
        },
        reopen: async (name) => {
          await loggers.reopen(name);
          if (name === undefined) await this.#collection.reopen();
        },
      },
      // There before the console opens.
      dispatch: () => this.#dispatch!,
      configuration: this.#configuration,
      modules: () => this.#configuration.modules(['cluster']),
      hooks: [],
      shutdown: () => void this.stop('console'),
    };
  }

  async #openConsole(): Promise<void> {
    const { settings } = this;
    await this.#observation.open(settings.metrics);
    const { path = join(settings.stateDir, 'control-cache.db') } = settings.controlCache;
    this.#cache = await ControlCache.open({
      settings: { ...settings.controlCache, path },
      unlocked: this.#unlocked,
      ...this.#around,
    });
    this.#dispatch = new Dispatch({ cache: this.#cache, settings, ...this.#around });
    await this.#consoles.prepare(this.settings.control);
  }

  async #join(): Promise<void> {
    const { asLogger } = this.settings;
    if (asLogger) this.#asLogger = await AsLogger.open(asLogger, this.#around);
    await this.#collection.open(this.settings);
    this.#server = await openBusServer(this.settings, this.#around);
    this.#beginLife(undefined);
  }

  async #rejoin(): Promise<void> {
    const earlier = this.#life;
    await earlier?.end();
    this.#beginLife(earlier);
  }

  #beginLife(earlier: ClusterLife | undefined): void {
    const { settings } = this;
    const [server, around] = [this.#server!, this.#around];
    this.#life = new ClusterLife(
      { settings, server, around, processId: process.pid, node: undefined },
      earlier,
    );
    this.#logging.follow(this.#life.links.s);
    this.#puller?.follow(this.#life.links.s);
    this.#asLogger?.follow(this.#life.member.series);
    this.#collection.follow(this.#life);
    this.#dispatch?.follow(this.#life);
    this.#lifecycle.follow(this.#life);
  }

  async #serve(): Promise<void> {
    this.#around.log.notice(`flotilla ${flotillaVersion} manages as ${this.settings.nodename}`, {
      pid: process.pid,
    });
    this.#lifecycle.serves();
    this.#keepConfiguration();
  }

  #keepConfiguration(): void {
    if (this.#workingCopy === undefined) return;
    const { clusterGroup, subcluster, nodename } = this.settings;
    this.#puller = new Puller({
      conf: this.#workingCopy,
      loaded: this.#checkout,
      clusterGroup,
      subcluster,
      nodename,
      server: this.#server!,
      reload: () => this.reload(),
      running: () => runningText((line) => this.console(line)),
      around: this.#around,
    });
    this.#puller.follow(this.#life!.links.s);
  }

  /** The console last, so that the end can be watched. */
  async #close(): Promise<void> {
    this.#around.log.notice(`stopping: ${this.#lifecycle.stopReason ?? 'the manager cannot go on'}`);
    const pulled = this.#puller?.stop();
    // Before the life: leases are given back over it.
    await this.#collection.stop();
    this.#dispatch?.close();
    await this.#life?.end();
    await this.#cache?.close();
    await this.#asLogger?.stop();
    await pulled;
    await this.#server?.stop();
    await this.#logging.close();
    await this.#consoles.stop();
    await this.#observation.stop();
  }
}

/** Another manager has this name (ID-20). Managers show no address; a process can be found. */
function nameTaken({ nodename }: NodeSettings, number: Process['number']): FlotillaError {
  const detail = `${nodename} is also the name of another manager, process ${number}; this is process ${process.pid}`;
  return new FlotillaError('FLT-1103', detail);
}
