/**
 * What a program does with the node it runs in: shared objects, caps of connections, floating addresses, streams to other
 * nodes, counts over time. Each call goes to the part that knows.
 */
import { FlotillaError } from '../core/errors.ts';
import type { OutboundAttempt, OutboundDecision } from '../core/outbound-caps.ts';
import type { OutboundConnection, OutboundConnections } from '../core/outbound-connections.ts';
import type { PresentSessions } from '../core/present-sessions.ts';
import type { OutboundResults } from '../core/series/outbound-results.ts';
import type { View, ViewCause } from '../core/view.ts';
import type { FrontEvent } from '../net/front-listener.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Counts, NodeAudit, NodeGauges, NodeSeries } from './counts.ts';
import type { Floating, VipLocation } from './floating.ts';
import { GuardedEmitter } from './guarded-emitter.ts';
import { type OutboundOpening, openOutbound } from './outbound-opening.ts';
import type { OwnershipChange, RoundSummary } from './ownership-news.ts';
import type { PeerHandler, PeerLimits, PeerStream, Peers } from './peers.ts';
import type { SharedObject } from './shared-object.ts';
import type { Throttles } from './throttles.ts';
import type { VipHook } from './vip-hooks.ts';
import type { BindingHandler, ServiceHandler } from './vip-services.ts';

export interface NodeEvents {
  /** A view was installed: who is there now. */
  view: [view: View, cause: ViewCause];
  /** Something happened to a client of a front listener. */
  session: [listen: string, event: FrontEvent];
  /** The node has stopped; with the reason when it had to. */
  stopped: [error: unknown];
}

export abstract class NodeApi extends GuardedEmitter<NodeEvents> {
  protected abstract readonly floating: Floating;
  protected abstract readonly peers: Peers;
  protected abstract readonly sharedObjects: ReadonlyMap<string, SharedObject>;
  /** Undefined before the node has started, as the one below. */
  protected abstract readonly outbound: OutboundConnections | undefined;
  protected abstract readonly counts: Counts | undefined;
  abstract readonly throttles: Throttles;
  abstract readonly metrics: Metrics;
  /** Who is connected at the moment, by service or front listener and by address. */
  abstract readonly sessions: Pick<PresentSessions, 'count' | 'countOn'>;

  /** The shared object of this name. FLT-1301 when it is not replicated here. */
  shared(name: string): SharedObject {
    const object = this.sharedObjects.get(name);
    if (!object) throw new FlotillaError('FLT-1301', name);
    return object;
  }

  /** Whether an outbound connection may be opened now, or which cap forbids it (replication 6.10). */
  mayConnect(attempt: OutboundAttempt): OutboundDecision {
    return this.#counted(this.#connections().mayConnect(attempt));
  }

  /**
   * Both in one, with a slot of the cluster for each cap in `strict_connection_caps`: the nodes together never pass such a
   * cap while they agree on who is there. Open all connections with this then; `outboundOpened` takes no slots.
   */
  async openOutbound(connection: OutboundConnection): Promise<OutboundOpening> {
    const connections = () => this.#connections();
    return this.#counted(await openOutbound({ connections, slots: this.throttles.slots }, connection));
  }

  /** Counts an outbound connection from the moment it is initiated. */
  outboundOpened(connection: OutboundConnection): void {
    this.#connections().opened(connection);
  }

  /** Its socket is closed. False when no such connection was open. */
  outboundClosed(connection: OutboundConnection): boolean {
    return this.#connections().closed(connection);
  }

  /**
   * Starts and stops a service of this program on floating addresses as they come and go: on endpoints of listeners of
   * this kind that have no `Upstream`, and on those it lists. Resolves when it serves on addresses that are on already.
   * Rejects with FLT-1602 when it lists something that is not `address:port`.
   */
  registerService(kind: string, handler: ServiceHandler): Promise<void> {
    return this.floating.registerService(kind, handler);
  }

  /** Tells this program which bindings can be used as source addresses here, now and whenever that changes. */
  registerBindings(handler: BindingHandler): Promise<void> {
    return this.floating.registerBindings(handler);
  }

  /** Around the coming of an address; `before` may veto it. Returns how to take the hook away. */
  onAcquire(hook: VipHook): () => void {
    return this.floating.services.acquiring.add(hook);
  }

  /** Around the going of an address. Returns how to take the hook away. */
  onRelease(hook: VipHook): () => void {
    return this.floating.services.releasing.add(hook);
  }

  /**
   * Each change of an owner, on every node, in the order of the table, after the addresses of this node have followed:
   * what it lost is off, what it gained serves. The place to judge a queue of messages anew. Returns how to end it.
   */
  onOwnershipChange(listener: (change: OwnershipChange) => void): () => void {
    return this.floating.news.onChange(listener);
  }

  /** Once for all changes of one decision or one new view, after `onOwnershipChange`. Returns how to end it. */
  afterRound(listener: (summary: RoundSummary) => void): () => void {
    return this.floating.news.onRound(listener);
  }

  /** Who owns a floating address or a binding now, from memory. Undefined: no live node has it configured. */
  locate(bindingOrIp: string): VipLocation | undefined {
    return this.floating.locate(bindingOrIp);
  }

  /**
   * Whether this node may own an address, or any address with a service of this kind; others take over what it may not
   * own. Every reason against one has to be taken back. FLT-1602 when nothing of this name is configured.
   */
  setCapable(ipOrKind: string, capable: boolean, reason = 'the program says so'): void {
    this.floating.setCapable(ipOrKind, capable, reason);
  }

  /**
   * A stream to what another node serves under this name, past the bus. Resolves when that node has accepted; rejects
   * with FLT-1701 when it cannot be reached, FLT-1702 when it refuses, FLT-1703 when no secret is configured.
   */
  openPeer(node: string, service: string, limits?: PeerLimits): Promise<PeerStream> {
    return this.peers.open(node, service, limits);
  }

  /** Serves streams that other nodes open. Returns how to end it. FLT-1703 when no secret is configured. */
  servePeer(service: string, handler: PeerHandler): () => void {
    return this.peers.serve(service, handler);
  }

  /** Named series: any event counted over windows of time. FLT-1301 before the node has started, as those below. */
  get series(): NodeSeries {
    return this.#started().series;
  }

  /** Connections, receptions and rejections by remote address over windows of time. */
  get audit(): NodeAudit {
    return this.#started().audit;
  }

  /** Deliveries and failures by destination domain over the last hour. */
  get outboundResults(): OutboundResults {
    return this.#started().outbound;
  }

  /** Counters of all nodes that expire some time after their last change. */
  get gauges(): NodeGauges {
    return this.#started().gauges;
  }

  #counted<Decision extends { readonly allowed: boolean }>(decision: Decision): Decision {
    if (!decision.allowed) this.metrics.add('outbound_refusals_total');
    return decision;
  }

  #connections(): OutboundConnections {
    if (!this.outbound) throw new FlotillaError('FLT-1301', 'the node has not started');
    return this.outbound;
  }

  #started(): Counts {
    if (!this.counts) throw new FlotillaError('FLT-1301', 'the node has not started');
    return this.counts;
  }
}
