/**
 * Whether this process is alive, and whether it is ready for work, from its living parts. What the answers are for stands
 * in `observe/health.ts`.
 */
import type { ActorSystem } from '../actors/system.ts';
import type { EventLoop } from '../observe/event-loop.ts';
import type { HealthCheck, HealthSource } from '../observe/health.ts';
import type { ClusterLife } from './cluster-life.ts';
import { isSettled } from './gauges.ts';

export interface HealthParts {
  readonly system: Pick<ActorSystem, 'failed' | 'list'>;
  /** State of the node actor. */
  readonly state: () => string;
  readonly life: () => Pick<ClusterLife, 'links' | 'member'> | undefined;
  readonly loop: Pick<EventLoop, 'delay'>;
}

export class Health implements HealthSource {
  readonly #parts: HealthParts;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** That there is an answer says that the event loop turns; how late it was is for people. */
  get live(): readonly HealthCheck[] {
    const { p99S, maxS } = this.#parts.loop.delay;
    const detail = `late by ${inMs(p99S)} (99th percentile), ${inMs(maxS)} at most`;
    return [{ name: 'event_loop', isOk: true, detail }, this.#actors()];
  }

  get ready(): readonly HealthCheck[] {
    const state = this.#parts.state();
    return [
      { name: 'state', isOk: state === 'serving', detail: state },
      this.#bus(),
      this.#view(),
      this.#rows(),
    ];
  }

  #actors(): HealthCheck {
    const { system, state, life } = this.#parts;
    const systems = [system, life()?.member.system].filter((each) => each !== undefined);
    const all = systems.flatMap((each) => each.list());
    const failed = all.filter((actor) => actor.state === 'failed').length;
    const detail = `${all.length} run${failed === 0 ? '' : `, ${failed} of them given up`}`;
    return { name: 'actors', isOk: failed === 0 && state() !== 'failed', detail };
  }

  #bus(): HealthCheck {
    const { m, s } = this.#parts.life()?.links ?? {};
    const detail = `m ${m?.state ?? 'not there'}, s ${s?.state ?? 'not there'}`;
    return { name: 'bus', isOk: m?.state === 'up' && s?.state === 'up', detail };
  }

  #view(): HealthCheck {
    const membership = this.#parts.life()?.member.membership;
    const detail = `${membership?.standing ?? 'none'}, ${membership?.view.members.length ?? 0} members`;
    return { name: 'view', isOk: isSettled(membership?.standing), detail };
  }

  /** Caps are enforced on what is there already; but a process that has just come would let in too much. */
  #rows(): HealthCheck {
    const replicas = [...(this.#parts.life()?.member.replicas.values() ?? [])];
    const behind = replicas.filter(({ standing }) => standing === 'partial').map(({ name }) => name);
    const detail = behind.length === 0 ? 'all of all members' : `wait for ${behind.join(' ')}`;
    return { name: 'rows', isOk: behind.length === 0, detail };
  }
}

function inMs(seconds: number): string {
  return `${(seconds * 1000).toFixed(1)} ms`;
}
