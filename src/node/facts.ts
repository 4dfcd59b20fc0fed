/** What the console shows, read from the living parts of the node at the moment of the command. */
import type { Member } from '../actors/member.ts';
import type { Membership } from '../actors/membership.ts';
import type { SharedReplica } from '../actors/shared-replica.ts';
import type {
  DuravipAbsence,
  DuravipFacts,
  MemberFacts,
  NodeFacts,
  SharedObjectFacts,
  SharedViewFacts,
  ViewFacts,
} from '../console/facts.ts';
import type { Incarnation, LinkName } from '../core/identity.ts';
import { privateName } from '../core/identity.ts';
import type { NodeSettings } from '../core/settings.ts';
import { membershipName, type Process, sharedName } from '../core/view.ts';
import type { Paniclog } from '../observe/paniclog.ts';
import type { Caches } from './caches.ts';
import type { ClusterLife } from './cluster-life.ts';
import { nodeHooks } from './hooks.ts';
import type { Jobs } from './jobs.ts';
import type { RunningConfiguration } from './running-configuration.ts';
import { flotillaVersion } from './version.ts';

export interface FactSources {
  readonly settings: NodeSettings;
  readonly address: () => string;
  readonly processId: number;
  readonly paniclog: Paniclog;
  /** Undefined before the first join and between two lives. */
  readonly life: () => ClusterLife | undefined;
  /** Undefined: floating addresses are no business of this process. */
  readonly duravip?: () => DuravipFacts | DuravipAbsence;
  readonly counts: NodeFacts['counts'];
  readonly journals: NodeFacts['journals'];
  readonly caches: Pick<Caches, 'counts' | 'flush'>;
  readonly logs: NodeFacts['logs'];
  readonly jobs: Pick<Jobs, 'list' | 'abort'>;
  readonly loggers: NodeFacts['loggers'];
  readonly configuration: RunningConfiguration;
  readonly reset: () => void;
  readonly shutdown: () => void;
}

export function nodeFacts(sources: FactSources): NodeFacts {
  const { settings, life } = sources;
  return {
    nodename: settings.nodename,
    get address() {
      return sources.address();
    },
    port: settings.clusterPort,
    version: flotillaVersion,
    processId: sources.processId,
    controlGroup: settings.controlGroup,
    clusterGroup: settings.clusterGroup,
    get logGroup() {
      return (life()?.groups ?? settings).logGroup;
    },
    link: (name) => linkFacts(life(), name),
    view: () => viewFacts(life()),
    members: () => membersOf(life()),
    sharedObjects: () =>
      [...(life()?.member.replicas.values() ?? [])].map((replica) => objectFacts(life()!, replica)),
    caches: () => sources.caches.counts(),
    flushCache: (name) => sources.caches.flush(name),
    paniclog: () => sources.paniclog.list(),
    counts: () => sources.counts(),
    journals: sources.journals,
    duravip: () => sources.duravip?.() ?? { absence: 'No DuraVIP is configured.' },
    logs: sources.logs,
    jobs: () => sources.jobs.list(),
    abortJob: (id) => sources.jobs.abort(id),
    loggers: sources.loggers,
    configuration: sources.configuration,
    // What counts by time answers without a stanza of its own.
    modules: () => sources.configuration.modules(['cluster', 'inbound_audit']),
    hooks: nodeHooks,
    reset: sources.reset,
    shutdown: sources.shutdown,
  };
}

/** Empty between two lives. */
export function membersOf(life: ClusterLife | undefined): readonly MemberFacts[] {
  const member = life?.member;
  return member?.membership.members().map((each) => memberFacts(each, member)) ?? [];
}

/** The member of this node name or private name (replication 18.4). */
export function findMember(life: ClusterLife | undefined, name: string): Process | undefined {
  return life?.member.membership.view.members.find(
    (process) => process.node === name || membershipName(process) === name || sharedName(process) === name,
  );
}

export function linkFacts(life: ClusterLife | undefined, name: LinkName) {
  const wire = life?.links[name];
  if (!life || wire?.state !== 'up') return { privateName: undefined, server: undefined };
  const { type, number, node } = life.info;
  return { privateName: privateName(name, type, number, node), server: wire.server() };
}

export function viewFacts(life: ClusterLife | undefined): ViewFacts {
  if (!life) return { epoch: 0, coordinator: '-', nodeCount: 0, state: 'offline', leader: undefined };
  const { view, standing, leader } = life.member.membership;
  const coordinator = view.members.find(({ incarnation }) => incarnation === view.id.coordinator);
  return {
    epoch: view.id.epoch,
    coordinator: coordinator?.node ?? '-',
    nodeCount: view.members.filter(({ type }) => type === 'Momentum').length,
    state: standing,
    leader: leader?.node,
  };
}

function memberFacts(
  { process, info }: ReturnType<Membership['members']>[number],
  { programs }: Member,
): MemberFacts {
  return {
    privateName: membershipName(process),
    node: info?.node,
    subcluster: info?.subcluster,
    type: process.type,
    version: info?.version,
    address: info?.address,
    port: info?.port,
    groups: [...(info?.groups ?? []), ...(programs?.groups.of(process.incarnation).keys() ?? [])],
  };
}

function objectFacts(life: ClusterLife, replica: SharedReplica): SharedObjectFacts {
  const nameOf = (incarnation: Incarnation) => {
    const process = life.member.membership.view.members.find((member) => member.incarnation === incarnation);
    return process ? sharedName(process) : incarnation;
  };
  return {
    name: replica.name,
    kind: replica.kind,
    snapped: replica.snapped,
    view: (from) => sharedView(life, replica, from),
    verify: () => replica.verify().map(({ origin, verdict }) => ({ origin: nameOf(origin), verdict })),
    stats: () => {
      const stats = replica.stats();
      return { ...stats, origins: stats.origins.map((row) => ({ ...row, origin: nameOf(row.origin) })) };
    },
  };
}

function sharedView(
  life: ClusterLife,
  replica: SharedReplica,
  from: string | undefined,
): SharedViewFacts | undefined {
  if (from === undefined) return { label: 'global', rows: (under) => replica.rows(undefined, under) };
  const process = findMember(life, from);
  if (process?.type !== 'Momentum') return undefined;
  return { label: sharedName(process), rows: (under) => replica.rows(process.incarnation, under) };
}
