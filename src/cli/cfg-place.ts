/**
 * Where `flotilla cfg` works: the working copy, the machine's `cluster.boot`, and the bus that leads to the repository, as the
 * command line, `cluster.boot` and the node's own configuration say, in this order.
 */
import { hostname, userInfo } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { type ConfigBus, connectConfigBus } from '../bus/config-bus.ts';
import { ownServerLogin } from '../bus/embedded-server.ts';
import { checkConfiguration } from '../config/check.ts';
import { diskFiles } from '../config/files.ts';
import { nodenameOutside } from '../config/identity.ts';
import type { ClusterBoot } from '../config/repository/cluster-boot.ts';
import { candidatesOf, confDirectory, searchPathOf } from '../config/search-path.ts';
import { FlotillaError } from '../core/errors.ts';
import type { BusCredentials, NodeSettings } from '../core/settings.ts';
import { clusterBootOf, environmentOf, readClusterBoot } from '../node/configuration.ts';
import { WorkingCopy } from '../node/repository/working-copy.ts';
import { systemClock, systemRandom } from '../node/system-clock.ts';

export interface PlaceFlags {
  readonly username?: string;
  readonly password?: string;
  readonly workingCopy?: string;
  readonly servers?: readonly string[];
  readonly clusterGroup?: string;
  readonly config?: string;
  /** Seconds. */
  readonly wait?: number;
  readonly quiet?: true;
  readonly debug?: true;
}

/** Main files, of nodes and of managers. */
const mainFiles = ['ecelerity.conf', 'ecelerity-cluster.conf', 'eccluster.conf'] as const;

type Environment = Readonly<Record<string, string | undefined>>;

const defaultClusterGroup = 'ec_cluster';
const defaultServer = 'nats://127.0.0.1:4222';
const usualTimeoutMs = 15_000;
/** A pull of the node is over in a moment. */
const patienceMs = 10_000;

export const around = { clock: systemClock, random: systemRandom };

export class Place {
  readonly conf: string;
  readonly flags: PlaceFlags;

  constructor(flags: PlaceFlags) {
    this.flags = flags;
    this.conf = resolve(flags.workingCopy ?? confDirectory);
  }

  get author(): string {
    return this.flags.username ?? process.env.USER ?? systemUser();
  }

  get bootFile(): string {
    return clusterBootOf(this.conf);
  }

  get workingCopy(): WorkingCopy {
    return new WorkingCopy({ conf: this.conf, around, patienceMs });
  }

  /** Undefined: there is no file. */
  boot(): ClusterBoot | undefined {
    return readClusterBoot(this.conf);
  }

  async clusterGroup(): Promise<string> {
    const record = await this.workingCopy.open().then(
      (checkout) => checkout.record,
      () => undefined,
    );
    const settings = this.#settings();
    return this.flags.clusterGroup ?? record?.clusterGroup ?? settings?.clusterGroup ?? defaultClusterGroup;
  }

  /** `servers`: named for this command, as `HOST[:PORT]`. */
  async connect(servers: readonly string[] = []): Promise<ConfigBus> {
    const boot = this.boot();
    const settings = this.#settings();
    const named = this.flags.servers ?? (servers.length > 0 ? servers : boot?.repo.filter(isAddress));
    const own = ownBus(settings);
    const isElsewhere = named !== undefined && named.length > 0;
    return await connectConfigBus({
      urls: isElsewhere ? named : own.urls,
      credentials: this.#credentials() ?? (isElsewhere ? settings?.bus.credentials : own.credentials) ?? {},
      tls: isElsewhere || settings?.bus.servers.length ? settings?.bus.tls : undefined,
      clusterGroup: await this.clusterGroup(),
      timeoutMs: this.flags.wait === undefined ? usualTimeoutMs : this.flags.wait * 1000,
    });
  }

  /** As the repository calls a file: what is typed is relative to the working copy, or a path that leads into it. */
  pathIn(file: string): string {
    const typed = file.replace(/\/+$/, '');
    const path = /^[./]/.test(typed) ? relative(this.conf, resolve(typed)) : typed;
    if (path.split('/').includes('..'))
      throw new FlotillaError('FLT-2308', `'${file}' is not in ${this.conf}`);
    return path;
  }

  /** Of the process on this machine. */
  get nodename(): string {
    const environment = environmentOf({ workingCopy: this.conf });
    return this.#settings()?.nodename ?? nodenameOutside({ environment, hostname: hostname() });
  }

  print(text: string): void {
    if (!this.flags.quiet) process.stdout.write(text);
  }

  #credentials(): BusCredentials | undefined {
    const { username, password } = this.flags;
    return password === undefined ? undefined : { user: username ?? this.author, password };
  }

  /** Undefined: there is no configuration yet, or it is wrong, which a pull may mend. */
  #settings(): NodeSettings | undefined {
    const { config } = this.flags;
    const environment = environmentOf({ workingCopy: this.conf });
    for (const file of config === undefined ? mainFilesFor(environment) : [config]) {
      const { settings } = checkConfiguration({ file, environment });
      if (settings) return settings;
    }
    return undefined;
  }
}

/**
 * Those that there are along the search path, whatever the directory is in which the command was typed. One of the node itself
 * comes before those of all: beside `NODENAME/ecelerity-cluster.conf` the `default/ecelerity.conf` of a new subcluster says
 * nothing about this machine, its bus least of all.
 */
export function mainFilesFor(environment: Environment): string[] {
  const nodename = nodenameOutside({ environment, hostname: hostname() });
  const directories = searchPathOf(nodename, environment.EC_CONF_SEARCH_PATH);
  const placeOf = (file: string) => directories.findIndex((directory) => join(directory) === dirname(file));
  return mainFiles
    .flatMap((name) => candidatesOf(name, directories, diskFiles).slice(0, 1))
    .sort((a, b) => placeOf(a) - placeOf(b));
}

function ownBus(settings: NodeSettings | undefined): {
  readonly urls: readonly string[];
  readonly credentials: BusCredentials | undefined;
} {
  if (!settings) return { urls: [defaultServer], credentials: undefined };
  const { bus, stateDir } = settings;
  if (bus.servers.length > 0) return { urls: bus.servers, credentials: bus.credentials };
  return { urls: [`nats://127.0.0.1:${bus.embedded.clientPort}`], credentials: ownServerLogin(stateDir) };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // As in a container whose user has no entry.
    return 'unknown';
  }
}

function isAddress(place: string): boolean {
  return place !== 'auto' && place !== 'local' && place !== '';
}
