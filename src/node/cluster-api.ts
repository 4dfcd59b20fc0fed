/**
 * The cluster as the program around a node sees it (API-1, API-2, API-11, API-13): who this node is, who is there, what
 * changes, and what programs say to each other. The same object over all lives of the node in the cluster.
 *
 * Invariant: what is told here was done before: who hears of a view, or of a group, finds it in `view`.
 */
import type { ByzantineReason } from '../actors/membership.ts';
import type { ProgramHost } from '../actors/programs.ts';
import type { Label } from '../core/duravip/labels.ts';
import type { Ip } from '../core/duravip/vip.ts';
import { type LinkName, linkNames, privateName } from '../core/identity.ts';
import type { NodeSettings } from '../core/settings.ts';
import { leaderOf, type ViewCause } from '../core/view.ts';
import type { ClusterLife } from './cluster-life.ts';
import {
  Conversation,
  type ListenOptions,
  type MessageListener,
  type MulticastListener,
  type MulticastOrder,
  type StatsHandler,
} from './conversation.ts';
import { type GroupMember, type GroupView, GroupViews, groupView } from './group-views.ts';
import { GuardedEmitter } from './guarded-emitter.ts';
import { LabelWatch } from './label-watch.ts';
import type { OwnershipChange, OwnershipNews } from './ownership-news.ts';
import type { ReloadOutcome } from './reload.ts';
import type { Surroundings } from './surroundings.ts';

export interface ClusterEvents {
  /** A group has other members, or is part of a new view of the cluster (MEM-5). */
  membership: [
    view: GroupView,
    group: string,
    joined: readonly GroupMember[],
    left: readonly GroupMember[],
    cause: ViewCause,
  ];
  /** Node names; undefined: none is known. A view that is being formed says nothing. */
  leader: [earlier: string | undefined, now: string | undefined];
  bus: [state: 'up' | 'down', connection: LinkName];
  /** As `onOwnershipChange` of the node tells it. */
  vip: [ip: Ip, change: OwnershipChange];
  /** What stands in parentheses in `cluster duravip show`; looked at once a second. Empty: it floats no more. */
  label: [ip: Ip, labels: readonly Label[]];
  /** A member is listed and does not behave as one (MEM-16); it may be this node itself. */
  byzantine: [node: string, reason: ByzantineReason];
  /** The configuration was read again and applied. */
  configApplied: [outcome: ReloadOutcome];
}

export interface ClusterApiOptions {
  readonly settings: NodeSettings;
  readonly around: Surroundings;
  /** Undefined before the first join. */
  readonly life: () => ClusterLife | undefined;
  readonly news: OwnershipNews;
}

const statsLimitMs = 5_000;

export class ClusterApi extends GuardedEmitter<ClusterEvents> {
  readonly #options: ClusterApiOptions;
  readonly #conversation: Conversation;
  readonly #groups: GroupViews;
  readonly #labels: LabelWatch;
  readonly #links = new Map<LinkName, 'up' | 'down'>();
  #leader: string | undefined;

  /** @internal */
  constructor(options: ClusterApiOptions) {
    super();
    this.#options = options;
    const { settings, around, news, life } = options;
    const { clusterGroup, controlGroup } = settings;
    const nodeGroups = () => [
      clusterGroup,
      controlGroup,
      this.#subclusterGroup,
      (life()?.groups ?? settings).logGroup,
    ];
    this.#conversation = new Conversation(nodeGroups, around.log);
    this.#groups = new GroupViews(clusterGroup);
    this.#labels = new LabelWatch({
      clock: around.clock,
      isWanted: () => this.listenerCount('label') > 0,
      changed: (ip, labels) => this.#tell('label', ip, labels),
    });
    news.onChange((change) => this.#tell('vip', change.ip, change));
  }

  get nodename(): string {
    return this.#options.settings.nodename;
  }

  get subcluster(): string {
    return this.#options.settings.subcluster;
  }

  /** `10.1.1.1:4802`, as the others are told; undefined before it has joined. */
  get address(): string | undefined {
    const info = this.#options.life()?.info;
    return info && `${info.address}:${info.port}`;
  }

  /** `#ec0-08422#relay-1`; another one after `cluster reset`. Undefined while that connection is down. */
  privateName(connection: LinkName = 'm'): string | undefined {
    const life = this.#options.life();
    if (life?.links[connection].state !== 'up') return undefined;
    return privateName(connection, life.info.type, life.info.number, life.info.node);
  }

  /** False also while the view is being formed (MEM-12). */
  get isLeader(): boolean {
    const life = this.#options.life();
    return life !== undefined && life.member.membership.leader?.incarnation === life.incarnation;
  }

  /** Its members now: of the cluster, of another group of the nodes, or of programs. Undefined while disconnected. */
  view(group: string = this.#options.settings.clusterGroup): GroupView | undefined {
    const life = this.#options.life();
    return life && groupView(life.member, group, this.#options.settings.clusterGroup);
  }

  /**
   * Joins a group of programs for good: over broken links, new views and resets, until it is left. Resolves when all
   * members of the view know, or at once before the node has joined. Joining again changes the capabilities.
   * @throws FlotillaError FLT-1206, FLT-1305
   */
  join(group: string, capabilities = ''): Promise<void> {
    return this.#conversation.join(group, capabilities);
  }

  leave(group: string): Promise<void> {
    return this.#conversation.leave(group);
  }

  /**
   * To all programs that have joined the group; this one need not (BUS-6).
   *
   * `total`: all members of the view hear it once, between the same two others, also over the death of nodes and new
   * views; at most 64 KiB. Resolves when it has its place and was heard here. `sender`: they hear it after what this
   * program sent before, or, where a connection breaks, not at all; at most 1 MiB. Resolves when it has left.
   * @throws FlotillaError FLT-1204, FLT-1206, FLT-1305
   */
  multicast(group: string, payload: Uint8Array, order: MulticastOrder = 'total'): Promise<void> {
    return this.#conversation.multicast(group, payload, order);
  }

  /** Also what this program says itself, unless told otherwise (BUS-7). Join the group first. Returns how to end it. */
  onMulticast(group: string, listener: MulticastListener, options: ListenOptions = {}): () => void {
    return this.#conversation.onMulticast(group, listener, options);
  }

  /**
   * To the program on one node, by private name or node name, in the order of `sender`.
   * @throws FlotillaError FLT-1204, FLT-1208
   */
  send(to: string, payload: Uint8Array): Promise<void> {
    return this.#conversation.send(to, payload);
  }

  /** What others `send` to this program. Returns how to end it. */
  onMessage(listener: MessageListener): () => void {
    return this.#conversation.onMessage(listener);
  }

  /** Answers `requestStats` of all nodes. Returns how to take it away. */
  onStatsRequest(handler: StatsHandler): () => void {
    return this.#conversation.onStatsRequest(handler);
  }

  /**
   * What the programs of all members say about this, by node name: those that have something to say and do so in time.
   * @throws FlotillaError FLT-1204, FLT-1305
   */
  requestStats(what: string, limitMs = statsLimitMs): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#conversation.requestStats(what, limitMs);
  }

  // --- for the node --------------------------------------------------------------------------------------------------

  /** @internal */
  get program(): ProgramHost {
    return this.#conversation;
  }

  /** @internal A new life of the node begins. */
  follow({ member, links }: ClusterLife): void {
    const { membership, programs } = member;
    this.#conversation.groupsStated = () => this.#tellGroups(member, 'join');
    if (programs) this.#conversation.follow(membership, programs);
    membership.listen({
      viewInstalled: (_view, cause) => {
        this.#tellGroups(member, cause);
        this.#tellLeader(leaderOf(membership.view)?.node);
      },
      infoLearned: () => this.#tellGroups(member, 'join'),
      standingChanged: (standing) => {
        if (standing === 'offline') this.#tellLeader(undefined);
        else if (standing !== 'settling') this.#tellLeader(leaderOf(membership.view)?.node);
      },
      byzantine: (node, reason) => this.#tell('byzantine', node, reason),
    });
    for (const name of linkNames) {
      links[name].onState((state) => this.#tellLink(name, state === 'up' ? 'up' : 'down'));
    }
    this.#labels.follow(member);
  }

  /** @internal */
  configApplied(outcome: ReloadOutcome): void {
    this.#tell('configApplied', outcome);
  }

  /** @internal The node stops. */
  end(): void {
    this.#labels.stop();
  }

  get #subclusterGroup(): string {
    return `ec_sc_${this.#options.settings.subcluster}`;
  }

  #tell<Name extends keyof ClusterEvents>(name: Name, ...news: ClusterEvents[Name]): void {
    this.tell(this.#options.around.log, name, ...news);
  }

  #tellGroups(member: ClusterLife['member'], cause: ViewCause): void {
    for (const { group, view, joined, left } of this.#groups.changes(member))
      this.#tell(
        'membership',
        view,
        group,
        joined,
        left,
        left.length > 0 && cause === 'join' ? 'leave' : cause,
      );
  }

  #tellLeader(now: string | undefined): void {
    const earlier = this.#leader;
    if (now === earlier) return;
    this.#leader = now;
    this.#tell('leader', earlier, now);
  }

  #tellLink(name: LinkName, state: 'up' | 'down'): void {
    if ((this.#links.get(name) ?? 'down') === state) return;
    this.#links.set(name, state);
    this.#tell('bus', state, name);
  }
}
