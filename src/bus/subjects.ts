/**
 * The only place where a subject is spelled. Subjects mirror the groups (design: bus): no pattern of the membership
 * connection matches bulk data, so that replication can never delay a beat.
 */
import type { Incarnation } from '../core/identity.ts';

export interface GroupNames {
  readonly clusterGroup: string;
  readonly controlGroup: string;
  readonly logGroup?: string | undefined;
}

export type ClusterGroupName = Pick<GroupNames, 'clusterGroup'>;

/** Percent-encodes what may not stand in a subject token, `%` itself included (BUS-27). */
export function encodeToken(text: string): string {
  let token = '';
  for (const char of text) {
    token += /[A-Za-z0-9_\-@+~=,:]/.test(char)
      ? char
      : [...new TextEncoder().encode(char)].map(hexByte).join('');
  }
  return token;
}

export function decodeToken(token: string): string {
  return decodeURIComponent(token);
}

function hexByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

export const subjects = {
  /** Beats, proposals, commits and ordered messages for every process of the cluster group. Connection `m`. */
  views: (groups: GroupNames, kind: string) => `${groups.clusterGroup}.view.${kind}`,
  allViews: (groups: GroupNames) => `${groups.clusterGroup}.view.*`,

  /** Claims, announcements and decisions about floating addresses. Connection `m`. */
  vips: (groups: GroupNames, kind: string) => `${groups.clusterGroup}.vip.${kind}`,
  allVips: (groups: GroupNames) => `${groups.clusterGroup}.vip.*`,

  /** Changes of one shared object. Connection `s`. */
  shared: (groups: GroupNames, object: string) => `${groups.clusterGroup}.shared.${encodeToken(object)}`,
  /** What nodes tell managers only. Connection `s`. */
  collected: (groups: GroupNames, object: string) =>
    `${groups.clusterGroup}.collected.${encodeToken(object)}`,
  allCollected: (groups: GroupNames) => `${groups.clusterGroup}.collected.*`,
  allShared: (groups: GroupNames) => `${groups.clusterGroup}.shared.*`,

  /** What programs on the nodes say to each other. Connection `s`. */
  programs: (groups: GroupNames, kind: string) => `${groups.clusterGroup}.program.${kind}`,
  allPrograms: (groups: GroupNames) => `${groups.clusterGroup}.program.*`,

  /** Private messages of view agreement to one life of one process. Connection `m`. */
  privateViews: (groups: GroupNames, to: Incarnation) => `${groups.clusterGroup}.to.${to}.view`,
  /** Private messages about floating addresses. Connection `m`. */
  privateVips: (groups: GroupNames, to: Incarnation) => `${groups.clusterGroup}.to.${to}.vip`,
  /** Private messages of replication (snapshots). Connection `s`. */
  privateShared: (groups: GroupNames, to: Incarnation) => `${groups.clusterGroup}.to.${to}.shared`,

  /** Private messages between programs. Connection `s`. */
  privatePrograms: (groups: GroupNames, to: Incarnation) => `${groups.clusterGroup}.to.${to}.program`,

  /** Console commands for all nodes, for one, for a subcluster. Connection `m`. */
  control: (groups: GroupNames) => groups.controlGroup,
  controlNode: (groups: GroupNames, node: string) => `${groups.controlGroup}.node.${encodeToken(node)}`,
  controlSubcluster: (groups: GroupNames, subcluster: string) =>
    `${groups.controlGroup}.sc.${encodeToken(subcluster)}`,
  /** Answers to a command of a manager, which come in parts. Connection `m`. */
  controlAnswers: (manager: Incarnation, command: string) => `_INBOX.control.${manager}.${command}`,

  /** Requests of other programs about shared objects, to one node; `>`: of every verb. Connection `s`. */
  api: (groups: GroupNames, node: string, verb: string) =>
    `${groups.clusterGroup}.api.${encodeToken(node)}.${verb}`,

  /** Logs of one node, for whoever pulls them: `list`, `open`, `fetch`, `ack`, `close`; `*`: all of them. Connection `s`. */
  log: (groups: GroupNames, node: string, op: string) =>
    `${groups.clusterGroup}.log.${encodeToken(node)}.${op}`,
  /** A log of a node has got records; the body is its name. Connection `s`. */
  logReady: (groups: GroupNames, node: string) => `${groups.clusterGroup}.log.${encodeToken(node)}.ready`,
  allLogsReady: (groups: GroupNames) => `${groups.clusterGroup}.log.*.ready`,
  /** Answers to a puller, which come in parts. Connection `s`. */
  logAnswers: (client: string, request: string) => `_INBOX.flotilla.${client}.${request}`,

  /** Lines of the paniclog for any listener, of all levels or of one. Connection `s`. */
  paniclog: (logGroup: string, node: string, level?: string) =>
    [logGroup, encodeToken(node), ...(level === undefined ? [] : [level])].join('.'),

  /** Commits to the configuration repository of a subcluster, or to `global`; each is also the news of itself. */
  revisions: (groups: ClusterGroupName, repository: string) =>
    `${groups.clusterGroup}.cfg.${encodeToken(repository)}.rev`,
  allRevisions: (groups: ClusterGroupName) => `${groups.clusterGroup}.cfg.*.rev`,
  /** JetStream: the stream that keeps these commits, and the object store with what they name. */
  revisionStream: (groups: ClusterGroupName, repository: string) =>
    `CFG_${groups.clusterGroup}_${repository}`,
  contentBucket: (groups: ClusterGroupName, repository: string) => `cfg_${groups.clusterGroup}_${repository}`,
  /** The stream that JetStream keeps an object store in. */
  contentStream: (groups: ClusterGroupName, repository: string) =>
    `OBJ_${subjects.contentBucket(groups, repository)}`,
  /** What one content is stored as there, in pieces; the id is that of the object. */
  contentPieces: (groups: ClusterGroupName, repository: string, id: string) =>
    `$O.${subjects.contentBucket(groups, repository)}.C.${id}`,
  /** What a process runs with, as it last said; the stream keeps one message for each process. Connection of its own. */
  running: (groups: ClusterGroupName, repository: string, node: string) =>
    `${groups.clusterGroup}.running.${encodeToken(repository)}.${encodeToken(node)}`,
  allRunning: (groups: ClusterGroupName, repository: string) =>
    `${groups.clusterGroup}.running.${encodeToken(repository)}.*`,
  runningStream: (groups: ClusterGroupName, repository: string) =>
    `RUNNING_${groups.clusterGroup}_${repository}`,
  /** Asks the leader of the stream of commits to make room for another. */
  revisionStepDown: (groups: ClusterGroupName, repository: string) =>
    `$JS.API.STREAM.LEADER.STEPDOWN.${subjects.revisionStream(groups, repository)}`,

  /** Advisories of the NATS servers about connections of all accounts. System account only. */
  allConnects: () => '$SYS.ACCOUNT.*.CONNECT',
  allDisconnects: () => '$SYS.ACCOUNT.*.DISCONNECT',

  /** Micro-service discovery, asked of all services, of all with one name, or of one instance. Connection `m`. */
  discovery: (verb: 'PING' | 'INFO' | 'STATS', ...nameAndId: string[]) =>
    ['$SRV', verb, ...nameAndId].join('.'),
} as const;

/**
 * Whether nobody may have answers sent there: what a node may publish on these, who asks may not, and would have the node
 * do it in its name.
 */
export function isReserved(subject: string, { clusterGroup, controlGroup, logGroup }: GroupNames): boolean {
  const [first = ''] = subject.split('.', 1);
  return first.startsWith('$') || [clusterGroup, controlGroup, logGroup].includes(first);
}

/** Name of a NATS connection: carries the incarnation, so that advisories can be attributed (BUS-21). */
export function connectionName(link: 'm' | 's', node: string, incarnation: Incarnation): string {
  return `flotilla ${link} ${node} ${incarnation}`;
}

export function parseConnectionName(name: string): { link: 'm' | 's'; incarnation: Incarnation } | undefined {
  const match = /^flotilla ([ms]) \S+ ([0-9a-f]{32})$/.exec(name);
  return match ? { link: match[1] as 'm' | 's', incarnation: match[2] as Incarnation } : undefined;
}
