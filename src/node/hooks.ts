/**
 * What a program around a node can attach to, for `module hooks` (CMD-1). Names are paths from the node that `startNode`
 * gives: of events, which `on` takes, and of methods that take what is called.
 *
 * Invariant: whoever adds an event adds it here, or it does not compile.
 */
import type { HookFacts } from '../console/facts.ts';
import type { Caches } from './caches.ts';
import type { ClusterApi, ClusterEvents } from './cluster-api.ts';
import type { CommandApi } from './command-api.ts';
import type { NodeApi, NodeEvents } from './node-api.ts';

const nodeEvents: Readonly<Record<keyof NodeEvents, string>> = {
  view: '(view: View, cause: ViewCause): void',
  session: '(listen: string, event: FrontEvent): void',
  stopped: '(error: unknown): void',
};

const clusterEvents: Readonly<Record<keyof ClusterEvents, string>> = {
  membership:
    '(view: GroupView, group: string, joined: readonly GroupMember[], left: readonly GroupMember[], cause: ViewCause): void',
  leader: '(earlier: string | undefined, now: string | undefined): void',
  bus: "(state: 'up' | 'down', connection: LinkName): void",
  vip: '(ip: Ip, change: OwnershipChange): void',
  label: '(ip: Ip, labels: readonly Label[]): void',
  byzantine: '(node: string, reason: ByzantineReason): void',
  configApplied: '(outcome: ReloadOutcome): void',
};

type Methods<Part> = Readonly<Partial<Record<keyof Part & string, string>>>;

const nodeMethods: Methods<NodeApi> = {
  registerService: '(kind: string, handler: ServiceHandler): Promise<void>',
  registerBindings: '(handler: BindingHandler): Promise<void>',
  onAcquire: '(hook: VipHook): () => void',
  onRelease: '(hook: VipHook): () => void',
  onOwnershipChange: '(listener: (change: OwnershipChange) => void): () => void',
  afterRound: '(listener: (summary: RoundSummary) => void): () => void',
  servePeer: '(service: string, handler: PeerHandler): () => void',
};

const clusterMethods: Methods<ClusterApi> = {
  onMulticast: '(group: string, listener: MulticastListener, options: ListenOptions = {}): () => void',
  onMessage: '(listener: MessageListener): () => void',
  onStatsRequest: '(handler: StatsHandler): () => void',
};

const commandMethods: Methods<CommandApi> = {
  register: '(prefix: string, handler: CommandHandler, description: CommandDescription = {}): void',
  before:
    '(hook: (line: CommandLine) => CommandAnswer | undefined | Promise<CommandAnswer | undefined>): () => void',
  after: '(hook: (line: CommandLine, status: Status) => void): () => void',
};

const cacheMethods: Methods<Caches> = {
  setLoader: '(cache: string, loader: QueryLoader): void',
};

export const nodeHooks: readonly HookFacts[] = [
  ...below('', nodeEvents),
  ...below('', nodeMethods),
  ...below('cluster.', clusterEvents),
  ...below('cluster.', clusterMethods),
  ...below('commands.', commandMethods),
  ...below('caches.', cacheMethods),
];

function below(part: string, hooks: Readonly<Partial<Record<string, string>>>): HookFacts[] {
  return Object.entries(hooks).map(([name, prototype = '']) => ({ name: `${part}${name}`, prototype }));
}
