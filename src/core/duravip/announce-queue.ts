/**
 * When which neighbour hears of an address that came to this node (ARP-4 to ARP-8, ARP-17).
 *
 * An address is told to everybody at 0, 1 and 3 s, and once to each known host, because some hosts ignore broadcasts;
 * without broadcasts, the known hosts hear it three times. The first broadcast leaves at once, however many addresses
 * come together; everything else shares one rate, repeats and single hosts taking turns and addresses too, so that no
 * address starves.
 *
 * Pure pacing: `due` says what to send now, somebody else sends it.
 */
import { isIpv4, parseAddress } from '../address.ts';
import { Fifo } from './fifo.ts';
import { RateLimit } from './rate-limit.ts';
import type { Ip } from './vip.ts';

/** Shaped like the kernel port's frame. */
export interface AnnounceFrame {
  readonly ip: Ip;
  readonly interface: string;
  readonly form: 'request' | 'reply';
  /** Undefined: everybody on the link. */
  readonly to: AnnounceTarget | undefined;
}

export interface AnnounceTarget {
  readonly ip: Ip;
  readonly mac: string;
}

export interface AnnounceSettings {
  /** `arp_all_hosts` */
  readonly allHosts: boolean;
  /** `arp_rate` */
  readonly framesPerSecond: number;
}

/** Of one address to single hosts (ARP-4). */
const hostsPerSecond = 200;
const roundsAtMs = [0, 1_000, 3_000] as const;

const bothForms = ['request', 'reply'] as const;
/** NDP knows one form. */
const oneForm = ['request'] as const;

interface Job {
  readonly ip: Ip;
  readonly interface: string;
  readonly startMs: number;
  readonly targets: readonly AnnounceTarget[];
  readonly hostRate: RateLimit;
  /** Next target of this round through the targets. */
  at: number;
  round: number;
  /** Frames still to be sent; 0 also when the address left. */
  left: number;
}

interface Broadcast {
  readonly job: Job;
  readonly form: AnnounceFrame['form'];
  readonly atMs: number;
}

export class AnnounceQueue {
  #settings: AnnounceSettings;
  #rate: RateLimit;
  readonly #jobs = new Map<Ip, Job>();
  /** By round; each is in order of time, because addresses come in order of time. */
  readonly #broadcasts = roundsAtMs.map(() => new Fifo<Broadcast>());
  #hostsTurn = false;
  /** Jobs with hosts to be told; who was served goes to the end. */
  readonly #hosts = new Fifo<Job>();

  constructor(settings: AnnounceSettings) {
    this.#settings = settings;
    this.#rate = new RateLimit(settings.framesPerSecond);
  }

  /** Addresses that are being told go on as they began. */
  configure(settings: AnnounceSettings): void {
    if (settings.framesPerSecond !== this.#settings.framesPerSecond)
      this.#rate = new RateLimit(settings.framesPerSecond);
    this.#settings = settings;
  }

  /** Addresses with something left to send. */
  get size(): number {
    return this.#jobs.size;
  }

  /** The address is here now, or has to be told again (OWN-8). Starts its schedule from the beginning. */
  acquired(ip: Ip, interfaceName: string, targets: readonly AnnounceTarget[], nowMs: number): void {
    this.released(ip);
    const { allHosts } = this.#settings;
    const forms = isIpv4(parseAddress(ip)!) ? bothForms : oneForm;
    const rounds = roundsAtMs.length;
    const left = allHosts ? rounds * forms.length + targets.length : rounds * targets.length;
    if (left === 0) return;
    const hostRate = new RateLimit(hostsPerSecond);
    const job: Job = {
      ip,
      interface: interfaceName,
      startMs: nowMs,
      targets,
      hostRate,
      at: 0,
      round: 0,
      left,
    };
    this.#jobs.set(ip, job);
    if (targets.length > 0) this.#hosts.push(job);
    if (!allHosts) return;
    for (const [round, delayMs] of roundsAtMs.entries()) {
      for (const form of forms) this.#broadcasts[round]!.push({ job, form, atMs: nowMs + delayMs });
    }
  }

  /** The address left: nothing more is said about it (ARP-7). */
  released(ip: Ip): void {
    const job = this.#jobs.get(ip);
    if (!job) return;
    job.left = 0;
    this.#jobs.delete(ip);
  }

  /** What to send now, at most `budget` frames. */
  due(nowMs: number, budget = Number.POSITIVE_INFINITY): readonly AnnounceFrame[] {
    const frames: AnnounceFrame[] = [];
    while (frames.length < budget) {
      const frame = this.#firstBroadcast();
      if (!frame) break;
      frames.push(frame);
    }
    while (frames.length < budget && this.#rate.isReady(nowMs)) {
      const frame = this.#hostsTurn
        ? (this.#toHost(nowMs) ?? this.#repeat(nowMs))
        : (this.#repeat(nowMs) ?? this.#toHost(nowMs));
      if (!frame) break;
      this.#rate.take(nowMs);
      this.#hostsTurn = frame.to === undefined;
      frames.push(frame);
    }
    return frames;
  }

  /** When to ask again; undefined: nothing is left. */
  nextMs(nowMs: number): number | undefined {
    if (this.#jobs.size === 0) return undefined;
    const times = this.#broadcasts.flatMap((queue) => queue.first(isLive)?.atMs ?? []);
    if (this.#broadcasts[0]!.first(isLive)) return nowMs;
    times.push(this.#nextHostMs(nowMs));
    return Math.max(Math.min(...times), this.#rate.nextMs(nowMs));
  }

  #nextHostMs(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const job of this.#hosts.list()) {
      if (job.left > 0) nextMs = Math.min(nextMs, hostAtMs(job, nowMs));
      // In one round all are ready within milliseconds of each other: the first will do.
      if (nextMs <= nowMs || (this.#settings.allHosts && nextMs < Number.POSITIVE_INFINITY)) break;
    }
    return nextMs;
  }

  #firstBroadcast(): AnnounceFrame | undefined {
    const next = this.#broadcasts[0]!.take(isLive);
    return next && this.#broadcastFrame(next);
  }

  /** The repeat that has been due for longest. */
  #repeat(nowMs: number): AnnounceFrame | undefined {
    let best: Fifo<Broadcast> | undefined;
    for (const queue of this.#broadcasts.slice(1)) {
      const first = queue.first(isLive);
      if (first && first.atMs <= nowMs && !(best && best.first(isLive)!.atMs <= first.atMs)) best = queue;
    }
    const next = best?.take(isLive);
    return next && this.#broadcastFrame(next);
  }

  #broadcastFrame({ job, form }: Broadcast): AnnounceFrame {
    this.#sent(job);
    return { ip: job.ip, interface: job.interface, form, to: undefined };
  }

  /** One host of the next address whose turn it is. */
  #toHost(nowMs: number): AnnounceFrame | undefined {
    for (let tried = this.#hosts.length; tried > 0; tried--) {
      const job = this.#hosts.take(isAlive);
      if (!job) return undefined;
      const frame = hostAtMs(job, nowMs) <= nowMs ? this.#nextHost(job, nowMs) : undefined;
      if (job.at < job.targets.length) this.#hosts.push(job);
      if (frame) return frame;
    }
    return undefined;
  }

  #nextHost(job: Job, nowMs: number): AnnounceFrame {
    job.hostRate.take(nowMs);
    const to = job.targets[job.at++]!;
    if (job.at === job.targets.length && !this.#settings.allHosts && job.round < roundsAtMs.length - 1) {
      job.round++;
      job.at = 0;
    }
    this.#sent(job);
    return { ip: job.ip, interface: job.interface, form: 'request', to };
  }

  #sent(job: Job): void {
    job.left--;
    if (job.left === 0) this.#jobs.delete(job.ip);
  }
}

const isAlive = (job: Job) => job.left > 0;
const isLive = ({ job }: Broadcast) => isAlive(job);

function hostAtMs(job: Job, nowMs: number): number {
  return Math.max(job.startMs + roundsAtMs[job.round]!, job.hostRate.nextMs(nowMs));
}
