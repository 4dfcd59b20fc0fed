/**
 * Who answers for floating addresses: what a lookout on a client machine asks the kernels directly, and what mail servers
 * called themselves to clients.
 *
 * Rules (R2): never two machines at one time. And nobody is let in by a machine that does not answer for the address.
 */
import { type Lookout, type Outlook, sharedNowMs } from '../../../../lab/lookout.ts';
import type { Banner } from '../notes.ts';
import type { TimeLine } from '../time-line.ts';

/** A machine answered for an address at least in this time. Times are `Date.now()`. */
export interface Reign {
  readonly ip: string;
  readonly machine: string;
  readonly fromMs: number;
  untilMs: number;
}

/** The lookout asks now and then, and clients wait for a processor between the answer and the look at the clock. */
const slackMs = 1_500;
const rememberedMs = 120_000;

export class Owners {
  readonly #lookout: Lookout;
  #reigns: Reign[] = [];
  changes = 0;

  constructor(lookout: Lookout) {
    this.#lookout = lookout;
  }

  /** Violations since the last look, and how addresses stand now. */
  async look(timeLine: Pick<TimeLine, 'seconds'>): Promise<{
    readonly violations: string[];
    readonly outlook: Readonly<Record<string, Outlook>>;
  }> {
    const { reports, outlook } = await this.#lookout.look();
    const aheadMs = Date.now() - sharedNowMs();
    const violations: string[] = [];
    for (const report of reports) {
      if (report.what === 'double') {
        const when = timeLine.seconds(report.atMs + aheadMs);
        violations.push(`R2 ${report.ip}: ${report.machines.join(' and ')} by ${report.protocol} at ${when}`);
      } else if (report.what === 'owner' && report.protocol === 'icmp') this.#owns(report, aheadMs);
    }
    const nowMs = Date.now();
    this.#reigns = this.#reigns.filter(({ untilMs }) => untilMs > nowMs - rememberedMs);
    return { violations, outlook };
  }

  /** Of banners of some time ago, those that came from a machine which did not answer for the address. */
  strangers(banners: readonly Banner[], timeLine: Pick<TimeLine, 'seconds'>): string[] {
    return strangers(banners, this.#reigns).map(
      ({ ip, machine, askedMs }) =>
        `R2 a client of ${ip} was let in by ${machine} at ${timeLine.seconds(askedMs)}, which did not answer for it`,
    );
  }

  #owns(
    {
      ip,
      machine,
      atMs,
      before,
    }: { ip: string; machine: string; atMs: number; before?: { untilMs: number } | undefined },
    aheadMs: number,
  ): void {
    const last = this.#reigns.findLast((reign) => reign.ip === ip);
    if (last && before) last.untilMs = before.untilMs + aheadMs;
    if (last) this.changes += 1;
    this.#reigns.push({ ip, machine, fromMs: atMs + aheadMs, untilMs: Number.POSITIVE_INFINITY });
  }
}

/** Pure. */
export function strangers(banners: readonly Banner[], reigns: readonly Reign[]): Banner[] {
  return banners.filter(
    ({ ip, machine, askedMs, answeredMs }) =>
      !reigns.some(
        (reign) =>
          reign.ip === ip &&
          reign.machine === machine &&
          reign.fromMs <= answeredMs + slackMs &&
          reign.untilMs >= askedMs - slackMs,
      ),
  );
}
