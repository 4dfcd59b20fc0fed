/**
 * When to tell the neighbours again about an address that somebody else claims (EXT-2): soon, once more when the
 * claims go on, and then not any more until they have ceased for a while. After RFC 5227, section 2.4.
 *
 * Invariant: two owners that both insist exchange a bounded number of announcements.
 */
import type { Ip } from './vip.ts';

interface Defence {
  readonly beganMs: number;
  claimedMs: number;
  isLast: boolean;
}

/** Not at once: at the end of a partition the loser may hear the winner before it learns that it lost (OWN-8). */
const soonMs = 200;
/** The announcements of an acquisition are over by then, so that the last word is the owner's. */
const againMs = 10_000;
const quietMs = 60_000;
/** Addresses remembered; forgetting one costs a few announcements. */
const maxRemembered = 16_384;

export class Defences {
  readonly #defences = new Map<Ip, Defence>();

  /** How long from now to tell the neighbours; undefined: it was said, or is about to be. */
  claimed(ip: Ip, nowMs: number): number | undefined {
    const defence = this.#defences.get(ip);
    if (!defence || nowMs - defence.claimedMs >= quietMs) {
      if (this.#defences.size >= maxRemembered) this.#defences.clear();
      this.#defences.set(ip, { beganMs: nowMs, claimedMs: nowMs, isLast: false });
      return soonMs;
    }
    defence.claimedMs = nowMs;
    // A claim is several frames: those that come before the first answer are answered by it.
    if (defence.isLast || nowMs < defence.beganMs + soonMs) return undefined;
    defence.isLast = true;
    return Math.max(0, defence.beganMs + againMs - nowMs);
  }
}
