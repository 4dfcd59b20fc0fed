/** `flotilla cfg subcluster`: which there are, who keeps them, making and copying them (CONF-11.3, 11.4). */
import type { ConfigBus } from '../bus/config-bus.ts';
import { emptyTree, globalName } from '../config/repository/tree.ts';
import { FlotillaError } from '../core/errors.ts';
import { subclusterProblem } from '../core/identity.ts';
import { Repository } from '../node/repository/repository.ts';
import { storeOf } from '../node/repository/working-copy.ts';
import { around, type Place } from './cfg-place.ts';
import { createSubcluster, headOn } from './cfg-repository.ts';

interface Operation {
  /** Words that it takes; a `?` may be left out. */
  readonly names: readonly string[];
  run(place: Place, bus: ConfigBus, names: readonly string[], flags: { withHistory?: true }): Promise<void>;
}

export const subclusterOperations: Readonly<Record<string, Operation>> = {
  clusters: { names: [], run: listClusters },
  create: { names: ['NAME'], run: create },
  copy: { names: ['SRC', 'DST'], run: copy },
  master: {
    names: ['NAME?'],
    run: async (place, bus, [name]) => {
      const { leader } = await placementOf(bus, name);
      place.print(`${leader ?? ''}\n`);
    },
  },
  slaves: {
    names: ['NAME?'],
    run: async (place, bus, [name]) => {
      const { others } = await placementOf(bus, name);
      place.print(`${others.join(' ')}\n`);
    },
  },
  override: { names: ['NAME', 'NODE'], run: elect },
  resume: { names: ['NAME', 'NODE'], run: elect },
  conflict: { names: ['NAME'], run: (place, bus, [name = '']) => freeze(place, bus, name, true) },
  resolve: { names: ['NAME'], run: (place, bus, [name = '']) => freeze(place, bus, name, false) },
};

export async function subcluster(
  place: Place,
  operation: Operation,
  names: readonly string[],
  flags: { withHistory?: true },
): Promise<number> {
  const bus = await place.connect();
  try {
    await operation.run(place, bus, names, flags);
    return 0;
  } finally {
    await bus.close();
  }
}

async function clustersOf(bus: ConfigBus): Promise<string[]> {
  return (await bus.names()).filter((name) => name !== globalName);
}

async function listClusters(place: Place, bus: ConfigBus): Promise<void> {
  const words: string[] = [];
  for (const name of await clustersOf(bus)) {
    const head = await (await repositoryOn(bus, name)).headRevision();
    words.push(head?.frozen ? `!${name}` : name);
  }
  place.print(`${words.join(' ')}\n`);
}

async function create(place: Place, bus: ConfigBus, [name = '']: readonly string[]): Promise<void> {
  const problem = subclusterProblem(name);
  if (problem !== undefined) throw new FlotillaError('FLT-2320', problem);
  if (await headOn(bus, name)) throw new FlotillaError('FLT-2310', `subcluster ${name}`);
  await createSubcluster(place, bus, name);
}

/** With history, everything is told once more, to a repository that is another one. */
async function copy(
  place: Place,
  bus: ConfigBus,
  [source = '', target = '']: readonly string[],
  { withHistory }: { withHistory?: true },
): Promise<void> {
  const problem = subclusterProblem(target);
  if (problem !== undefined) throw new FlotillaError('FLT-2320', problem);
  const from = await repositoryOn(bus, source);
  if (withHistory && (await headOn(bus, target))) throw new FlotillaError('FLT-2310', `subcluster ${target}`);
  const to = new Repository(target, await bus.create(target), around);
  const told = [];
  for await (const revision of from.revisions()) {
    told.unshift(revision);
    if (!withHistory) break;
  }
  for (const revision of told) {
    const [wanted, present] = [await from.tree(revision), (await to.head())?.tree ?? emptyTree];
    const changes = new Map([
      ...[...present.keys()].map((path) => [path, undefined] as const),
      ...[...wanted].map(([path, entry]) => [path, entry] as const),
    ]);
    await to.commit({
      repository: undefined,
      author: withHistory ? revision.author : place.author,
      message: withHistory ? revision.message : `Copy of ${source} r${revision.rev}`,
      base: present,
      changes,
      read: (hash) => from.content(hash),
    });
  }
}

async function placementOf(bus: ConfigBus, name: string | undefined) {
  const wanted = name ?? (await clustersOf(bus))[0] ?? 'default';
  const placement = await bus.placement(wanted);
  if (!placement) throw new FlotillaError('FLT-2302', wanted);
  return placement;
}

/** Elections are the servers' own: what can be done is to ask until the one that is wanted leads. */
async function elect(
  place: Place,
  bus: ConfigBus,
  [name = '', server = '']: readonly string[],
): Promise<void> {
  await placementOf(bus, name);
  const isLeader = await bus.elect(name, server);
  const { leader } = await placementOf(bus, name);
  if (!isLeader) throw new FlotillaError('FLT-2322', `${server} and ${name}; ${leader} leads`);
  place.print(`${leader}\n`);
}

/** A commit that changes no file: the state is in the history, and everybody sees it at the same place of it. */
async function freeze(place: Place, bus: ConfigBus, name: string, frozen: boolean): Promise<void> {
  const repository = await repositoryOn(bus, name);
  const head = await repository.head();
  if (!head) throw new FlotillaError('FLT-2302', name);
  if (head.revision.frozen === frozen) return;
  await repository.commit({
    repository: head.revision.repository,
    author: place.author,
    message: frozen ? 'In CONFLICT' : 'CONFLICT resolved',
    base: head.tree,
    changes: new Map(),
    read: (hash) => repository.content(hash),
    frozen,
  });
}

async function repositoryOn(bus: ConfigBus, name: string): Promise<Repository> {
  return new Repository(name, await storeOf(bus, name), around);
}
