/**
 * The JetStream side of configuration repositories: which there are, making one, and who keeps them. What is in them is
 * config-store.ts's matter; what it means, the caller's.
 *
 * A connection of its own, for one operation or a few: a pull each minute needs none in between, and a command of an operator
 * runs where no node does. Invariant: every request has a time limit, so that a server which lost its quorum is a refusal
 * and never a command that hangs.
 */
import {
  type Authenticator,
  connect,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  StorageType,
  type StreamInfo,
} from 'nats';
import { FlotillaError, isFlotillaError } from '../core/errors.ts';
import type { BusCredentials, BusTls } from '../core/settings.ts';
import { ConfigStore } from './config-store.ts';
import { readCredentials, tlsOptions } from './credentials.ts';
import { readGreeting } from './greeting.ts';
import { askedAgain, isApiError, oneAnswerMs, unreachable } from './jetstream-error.ts';
import { RunningConfigurations } from './running-configurations.ts';
import { parseServerUrl, type ServerUrl } from './server-url.ts';
import { subjects } from './subjects.ts';

export interface ConfigBusOptions {
  /** Tried in turn. */
  readonly urls: readonly string[];
  readonly credentials: BusCredentials;
  readonly tls: BusTls | undefined;
  readonly clusterGroup: string;
  /** Longest wait for one answer. */
  readonly timeoutMs: number;
}

/** Who keeps a repository. */
export interface Placement {
  readonly leader: string | undefined;
  readonly others: readonly string[];
}

/** More would slow commits down and gain nothing. */
const mostReplicas = 3;
const mostReconnects = 10;
const reconnectWaitMs = 200;
const streamNotFound = 10059;
const nameInUse = 10058;
/** Until the stream has the leader that was asked for, before 2.11 by chance. */
const mostStepDowns = 12;

export async function connectConfigBus(options: ConfigBusOptions): Promise<ConfigBus> {
  const reasons: string[] = [];
  for (const text of options.urls) {
    const url = parseServerUrl(text);
    try {
      return new ConfigBus(await connectTo(url, options), options);
    } catch (error) {
      // A password file that is not there is not the server's fault.
      if (isFlotillaError(error)) throw error;
      reasons.push(`${url.label}: ${(error as Error).message}`);
    }
  }
  throw new FlotillaError('FLT-2301', reasons.join('; '));
}

async function connectTo(
  url: ServerUrl,
  { credentials, tls, timeoutMs }: ConfigBusOptions,
): Promise<NatsConnection> {
  const authenticator: Authenticator[] = await readCredentials(credentials, url);
  const options = tlsOptions(tls, url);
  // A server that accepts and stays silent would keep a command from ending, and cost a node a socket with each pull.
  await readGreeting(url, timeoutMs);
  return await connect({
    servers: `${url.host.includes(':') ? `[${url.host}]` : url.host}:${url.port}`,
    name: 'flotilla cfg',
    authenticator,
    ...(options && { tls: options }),
    timeout: timeoutMs,
    // Servers of a fleet give up within a second who does not answer, as a busy machine may not.
    maxReconnectAttempts: mostReconnects,
    reconnectTimeWait: reconnectWaitMs,
    ignoreClusterUpdates: true,
    resolve: false,
  });
}

export class ConfigBus {
  readonly #connection: NatsConnection;
  readonly #options: ConfigBusOptions;
  readonly #client: JetStreamClient;
  #manager: JetStreamManager | undefined;

  /** @internal Use `connectConfigBus`. */
  constructor(connection: NatsConnection, options: ConfigBusOptions) {
    this.#connection = connection;
    this.#options = options;
    // Not checked: without a leader the check would fail before the question does, with a worse reason.
    this.#client = connection.jetstream({ timeout: oneAnswerMs(options.timeoutMs), checkAPI: false });
  }

  /** Names of all repositories, in order. */
  async names(): Promise<string[]> {
    const prefix = subjects.revisionStream(this.#options, '');
    return await this.#ask(async (manager) => {
      const names: string[] = [];
      for await (const name of manager.streams.names(subjects.allRevisions(this.#options)))
        if (name.startsWith(prefix)) names.push(name.slice(prefix.length));
      return names.sort();
    });
  }

  /** Undefined: there is no such repository. */
  async open(name: string): Promise<ConfigStore | undefined> {
    const info = await this.#info(name);
    return info && (await this.#store(name));
  }

  /** Makes it, empty, or opens the one that somebody else has just made. */
  async create(name: string): Promise<ConfigStore> {
    await this.#ask((manager) => this.#addStream(manager, name));
    return await this.#store(name);
  }

  /** What the processes of a subcluster run with. Throws FLT-2302. */
  async running(name: string): Promise<RunningConfigurations> {
    const info = await this.#info(name);
    if (!info) throw new FlotillaError('FLT-2302', name);
    return await this.#ask(
      async (manager) =>
        new RunningConfigurations({
          stream: subjects.runningStream(this.#options, name),
          subjects: subjects.allRunning(this.#options, name),
          subjectOf: (node) => subjects.running(this.#options, name, node),
          replicas: info.config.num_replicas,
          manager,
          client: this.#client,
          timeoutMs: this.#options.timeoutMs,
        }),
    );
  }

  /** Tries to have it on as many servers as there are; that it cannot is no failure. */
  async spread(name: string): Promise<void> {
    const info = await this.#info(name).catch(() => undefined);
    if (!info || info.config.num_replicas >= mostReplicas || !info.cluster) return;
    const streams = [info.config.name, subjects.contentStream(this.#options, name)];
    for (let replicas = mostReplicas; replicas > info.config.num_replicas; replicas--) {
      try {
        await this.#ask(async (manager) => {
          for (const stream of streams) await manager.streams.update(stream, { num_replicas: replicas });
        });
        return;
      } catch {
        // Fewer servers than that, or one that is away: it stays as it is, and the next commit tries again.
      }
    }
  }

  async placement(name: string): Promise<Placement | undefined> {
    const info = await this.#info(name);
    if (!info) return undefined;
    const alone = this.#connection.info?.server_name;
    const { cluster } = info;
    return cluster
      ? { leader: cluster.leader, others: (cluster.replicas ?? []).map((peer) => peer.name) }
      : { leader: alone, others: [] };
  }

  /** Asks for an election; with `server`, until that one leads. False: it does not. */
  async elect(name: string, server: string | undefined): Promise<boolean> {
    for (let attempt = 0; attempt < mostStepDowns; attempt++) {
      const before = await this.placement(name);
      if (server !== undefined && before?.leader === server) return true;
      if (before === undefined || !before.others.includes(server ?? before.others[0] ?? '')) return false;
      await this.#stepDown(name, server);
      await this.#settled(name);
      if (server === undefined) return true;
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #stepDown(name: string, server: string | undefined): Promise<void> {
    const subject = subjects.revisionStepDown(this.#options, name);
    // From 2.11 on servers take the wish; earlier ones refuse a body.
    for (const body of server === undefined
      ? ['']
      : [JSON.stringify({ placement: { preferred: server } }), ''])
      try {
        const { timeoutMs } = this.#options;
        const answer = await this.#connection.request(subject, Buffer.from(body), { timeout: timeoutMs });
        if (answer.json<{ error?: unknown }>().error === undefined) return;
      } catch (error) {
        throw unreachable(error);
      }
  }

  /** An election takes a moment, in which there is no leader. */
  async #settled(name: string): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      if ((await this.placement(name))?.leader) return;
      await new Promise((resume) => setTimeout(resume, 100));
    }
  }

  async #info(name: string): Promise<StreamInfo | undefined> {
    return await this.#ask(async (manager) => {
      try {
        const info = await manager.streams.info(subjects.revisionStream(this.#options, name));
        // `a` with `b_c` and `a_b` with `c` would have one name: the subject is exact.
        return info.config.subjects.includes(subjects.revisions(this.#options, name)) ? info : undefined;
      } catch (error) {
        if (isApiError(error, streamNotFound)) return undefined;
        throw error;
      }
    });
  }

  async #addStream(manager: JetStreamManager, name: string): Promise<void> {
    for (let replicas = mostReplicas; ; replicas--) {
      try {
        await manager.streams.add({
          name: subjects.revisionStream(this.#options, name),
          subjects: [subjects.revisions(this.#options, name)],
          storage: StorageType.File,
          num_replicas: replicas,
          // History is never rewritten.
          deny_delete: true,
          deny_purge: true,
        });
        return;
      } catch (error) {
        // Made by somebody else meanwhile, perhaps with other replicas.
        if (isApiError(error, nameInUse)) return;
        if (!(error instanceof NatsError) || !error.api_error || replicas === 1) throw error;
      }
    }
  }

  async #store(name: string): Promise<ConfigStore> {
    const { timeoutMs } = this.#options;
    return await this.#ask(async (manager) => {
      const info = await manager.streams.info(subjects.revisionStream(this.#options, name));
      // Hidden from the client, which would send it on beside the name that servers know; those of 2.12 and later refuse it.
      const replicas = { value: info.config.num_replicas, enumerable: false };
      const wish = Object.defineProperty({ storage: StorageType.File }, 'replicas', replicas);
      const contents = await this.#client.views.os(subjects.contentBucket(this.#options, name), wish);
      return new ConfigStore({
        stream: info.config.name,
        subject: subjects.revisions(this.#options, name),
        manager,
        client: this.#client,
        contents,
        contentStream: subjects.contentStream(this.#options, name),
        piecesOf: (content) => subjects.contentPieces(this.#options, name, content),
        timeoutMs,
      });
    });
  }

  /** Throws FLT-2301 for whatever JetStream cannot do. Questions may be asked several times. */
  async #ask<Answer>(question: (manager: JetStreamManager) => Promise<Answer>): Promise<Answer> {
    try {
      const { timeoutMs } = this.#options;
      const timeout = oneAnswerMs(timeoutMs);
      this.#manager ??= await this.#connection.jetstreamManager({ timeout, checkAPI: false });
      const manager = this.#manager;
      return await askedAgain(timeoutMs, () => question(manager));
    } catch (error) {
      throw unreachable(error);
    }
  }
}
