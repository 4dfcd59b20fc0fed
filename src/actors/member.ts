/**
 * One process as a member of the cluster: its actor system, its membership, its shared objects. The same in production
 * and in the simulator; only the world plugged in differs.
 */
import type { Incarnation } from '../core/identity.ts';
import type { Work } from '../core/replica/work.ts';
import type { MembershipSettings, ReplicaSettings, ReplicaType } from '../core/settings.ts';
import { kindOfType } from '../core/shared-object.ts';
import type { View } from '../core/view.ts';
import { CacheReplica } from './cache-replica.ts';
import { createReplica } from './create-replica.ts';
import { Membership } from './membership.ts';
import { type DuravipSettings, Ownership, type VipWorld } from './ownership.ts';
import type { World } from './ports.ts';
import { type ProgramPorts, Programs } from './programs.ts';
import { QuotaViews } from './quota-views.ts';
import { Replica } from './replica.ts';
import { RowReplica } from './row-replica.ts';
import { SeriesReplica } from './series-replica.ts';
import type { SharedReplica } from './shared-replica.ts';
import { ActorSystem } from './system.ts';
import { ThrottleReplica } from './throttle-replica.ts';

export interface MemberSettings {
  readonly membership: MembershipSettings;
  readonly replicate: readonly ReplicaSettings[];
  /** Undefined: this process floats no addresses. */
  readonly duravip?: DuravipSettings;
}

/** What floating addresses need besides; without it there are none. */
export type VipPorts = Pick<VipWorld, 'vips' | 'kernel' | 'host'>;

export class Member {
  readonly system: ActorSystem;
  readonly membership: Membership;
  /** By name, in the order of the configuration. */
  readonly replicas: ReadonlyMap<string, SharedReplica>;
  /** Those of them that are counters in rows. */
  readonly tables: ReadonlyMap<string, Replica>;
  /** Those of them that are counts over time, by type. */
  readonly series: ReadonlyMap<ReplicaType, SeriesReplica>;
  readonly caches: ReadonlyMap<string, CacheReplica>;
  /** The first object of each type that is throttles. */
  readonly throttles: ReadonlyMap<ReplicaType, ThrottleReplica>;
  readonly ownership: Ownership | undefined;
  readonly programs: Programs | undefined;

  /** `earlier`: the member this process was before a reset; it has left, and its own rows go on in this one. */
  constructor(world: World & Partial<VipPorts & ProgramPorts>, settings: MemberSettings, earlier?: Member) {
    this.system = new ActorSystem(world);
    this.membership = new Membership(this.system, world, settings.membership);
    // A manager counts nothing and shows no row; it collects what nodes count over time (replication 4.13).
    const isNode = world.self.type === 'Momentum';
    const wanted = settings.replicate.filter(({ type }) => isNode || kindOfType[type] === 'event series');
    const replicas = wanted
      .map((replica) => createReplica(this.system, world, replica, earlier?.replicas.get(replica.name)))
      .filter((replica) => replica !== undefined);
    this.replicas = new Map(replicas.map((replica) => [replica.name, replica]));
    const tables = replicas.filter((replica) => replica instanceof Replica);
    this.tables = new Map(tables.map((replica) => [replica.name, replica]));
    const series = replicas.filter((replica) => replica instanceof SeriesReplica);
    this.series = new Map(series.map((replica) => [replica.type, replica]));
    const caches = replicas.filter((replica) => replica instanceof CacheReplica);
    this.caches = new Map(caches.map((replica) => [replica.name, replica]));
    const throttles = replicas.filter((replica) => replica instanceof ThrottleReplica);
    this.throttles = new Map(throttles.toReversed().map((replica) => [replica.type, replica]));
    this.#connect(replicas, series, throttles);
    this.ownership = this.#float(world, settings.duravip);
    const { programs, program } = world;
    this.programs =
      programs &&
      program &&
      new Programs({ ...world, programs, program }, this.membership, settings.membership);
  }

  /** Other bounds of the same objects; what is not named stays as it is. */
  configure(objects: readonly ReplicaSettings[]): void {
    for (const settings of objects) this.replicas.get(settings.name)?.configure(settings);
  }

  /**
   * Before it leaves: what happened stays counted then, and whoever hears of its end first does not take it any more. False:
   * there was nothing to tell.
   */
  tellLastCounts(): boolean {
    const untold = [...this.series.values()].filter(({ table }) => table.pending > 0);
    for (const series of untold) series.flushAll();
    return untold.length > 0;
  }

  /** Says goodbye and stops all actors. */
  leave(): void {
    this.membership.leave();
    this.programs?.stop();
    this.ownership?.stop();
    for (const replica of this.replicas.values()) replica.stop();
    this.system.stop();
  }

  /** After it has left, before the next life begins, in steps: takes out what the others counted, which may be very much. */
  *forgetOthers(): Work {
    for (const replica of this.replicas.values()) if (replica instanceof RowReplica) yield* replica.end();
  }

  /** A manager owns no address, and hears of none (MEM-10). */
  #float(world: World & Partial<VipPorts>, settings: DuravipSettings | undefined): Ownership | undefined {
    const { vips, kernel, host } = world;
    if (!settings || !vips || !kernel || !host || world.self.type !== 'Momentum') return undefined;
    return new Ownership(this.system, { ...world, vips, kernel, host }, this.membership, settings);
  }

  /** Shared objects follow the views of the membership, and their digests ride on its beats. */
  #connect(
    replicas: readonly SharedReplica[],
    series: readonly SeriesReplica[],
    throttles: readonly ThrottleReplica[],
  ): void {
    this.membership.announceRows(() => {
      const rows = replicas.map((replica) => replica.digest());
      const retired = series.map((replica) => replica.retired.digest);
      const digests = [...rows, ...retired].filter((digest) => digest !== undefined);
      return this.ownership ? [...digests, this.ownership.digest] : digests;
    });
    const quotas = new QuotaViews(this.membership, throttles);
    let before: View = this.membership.view;
    this.membership.listen({
      viewInstalled: (view) => {
        const ended = this.#endedSince(before, view);
        before = view;
        for (const replica of replicas)
          if (!(replica instanceof ThrottleReplica)) replica.viewInstalled(view, ended);
        quotas.viewInstalled(view, ended);
      },
      infoLearned: () => quotas.infoHeard(),
      rowsSeen: (from, digests) => {
        const saidOf = (hash: number) => digests.find(({ object }) => object === hash);
        for (const replica of replicas) replica.beatDigest(from, saidOf(replica.objectHash));
        for (const { retired } of series) retired.beat(from, saidOf(retired.objectHash));
      },
    });
  }

  /** Names of those that are gone for good: nobody over there goes on without us. */
  #endedSince(before: View, view: View): readonly string[] {
    const present = new Set(view.members.map(({ incarnation }) => incarnation));
    return before.members
      .filter(({ incarnation }) => !present.has(incarnation) && this.#hasEnded(incarnation))
      .map(({ node }) => node);
  }

  #hasEnded(member: Incarnation): boolean {
    const evidence = this.membership.traceOf(member)?.evidence;
    return evidence === 'closed' || evidence === 'goodbye';
  }
}
