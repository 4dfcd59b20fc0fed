/**
 * What the lookouts saw in a round, judged: two machines that answer at one time (R2), neighbour tables that are wrong
 * too long after the first answer of a new owner (R3), and how long clients had no answer. Pure.
 */
import type { Report } from '../../lab/lookout.ts';
import type { LookoutName, Owners, SeenReport } from './roads.ts';

export interface Round {
  readonly ips: readonly string[];
  /** Who owned what when it began. */
  readonly ownersBefore: Owners;
  readonly struckMs: number;
  /** When the others served all addresses; undefined: it was undone before. */
  readonly servedMs: number | undefined;
  readonly undoneMs: number;
  readonly endedMs: number;
  /** Two that may both answer: they are in different components, and no quorum is asked for. */
  readonly mayBothAnswer: (one: string, other: string, atMs: number) => boolean;
  readonly victims: readonly string[];
  /** For so long after the first answer of a new owner, neighbour tables may be wrong. */
  readonly neighboursKnowMs: number;
  /** Which lookout asks the nodes that this one's neighbour table is about, while the fault lasts and afterwards. */
  readonly asks: Readonly<Record<LookoutName, LookoutName>>;
}

export interface Verdict {
  /** Longest time in which the victims' addresses answered no client, by the neighbour tables of the clients. */
  readonly gapMs: number;
  /** The same of addresses whose owner was not touched. */
  readonly bystanderGapMs: number;
  readonly doubles: readonly string[];
  readonly staleNeighbours: readonly string[];
}

/** One machine answers for an address, without another in between. */
interface Reign {
  readonly machine: string;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Who answers afterwards. */
  readonly next: string | undefined;
}

/** Answers wait for a lookout that is kept from the processor, so that the last of them is noted late. */
const notedLateMs = 50;

export function judge(round: Round, seen: readonly SeenReport[]): Verdict {
  return {
    gapMs: longestGap(round, seen, (owner) => round.victims.includes(owner)),
    bystanderGapMs: longestGap(round, seen, (owner) => !round.victims.includes(owner)),
    doubles: doubles(round, seen),
    staleNeighbours: staleNeighbours(round, seen),
  };
}

function longestGap(round: Round, seen: readonly SeenReport[], isMeant: (owner: string) => boolean): number {
  if (round.servedMs === undefined) return 0;
  const gaps = seen.flatMap(({ report }) => {
    if (report.what !== 'gap' || report.fromMs > round.servedMs! || report.untilMs < round.struckMs)
      return [];
    return isMeant(round.ownersBefore[report.ip]!) ? [report.untilMs - report.fromMs] : [];
  });
  return Math.max(0, ...gaps);
}

function doubles(round: Round, seen: readonly SeenReport[]): string[] {
  return seen.flatMap(({ by, report }) => {
    if (report.what !== 'double' || round.mayBothAnswer(...report.machines, report.atMs)) return [];
    return [
      `${at(round, report.atMs)} ${report.ip}: ${report.machines.join(' and ')} by ${report.protocol}, ${by}`,
    ];
  });
}

function staleNeighbours(round: Round, seen: readonly SeenReport[]): string[] {
  return Object.entries(round.asks).flatMap(([by, asking]) => {
    const reports = seen.flatMap((each) => (each.by === by ? [each.report] : []));
    const answers = seen.flatMap((each) => (each.by === asking ? [each.report] : []));
    return round.ips.flatMap((ip) => {
      const stale = reignsOf(ip, round, answers).flatMap((reign) => staleDuring(reign, ip, round, reports));
      return stale.slice(0, 1).map((text) => `${by}: ${text}`);
    });
  });
}

function staleDuring(reign: Reign, ip: string, round: Round, reports: readonly Report[]): string[] {
  const knownMs = reign.fromMs + round.neighboursKnowMs;
  return reports.flatMap((report) => {
    if (report.what !== 'neighbour' || report.ip !== ip) return [];
    if (report.machine === undefined || report.machine === reign.machine) return [];
    const fromMs = Math.max(report.fromMs, knownMs);
    const isNext = report.machine === reign.next;
    const untilMs = Math.min(report.untilMs, reign.untilMs - (isNext ? notedLateMs : 0));
    if (fromMs >= untilMs || round.mayBothAnswer(reign.machine, report.machine, fromMs)) return [];
    const lateMs = (untilMs - reign.fromMs).toFixed(0);
    return [
      `${ip} is at ${report.machine} ${lateMs} ms after ${reign.machine} had it, ${at(round, reign.fromMs)}`,
    ];
  });
}

function reignsOf(ip: string, round: Round, reports: readonly Report[]): Reign[] {
  const reigns: Reign[] = [];
  let now = { machine: round.ownersBefore[ip]!, fromMs: Number.NEGATIVE_INFINITY };
  for (const report of reports) {
    if (report.what !== 'owner' || report.ip !== ip || report.protocol !== 'icmp') continue;
    reigns.push({ ...now, untilMs: report.before?.untilMs ?? report.atMs, next: report.machine });
    now = { machine: report.machine, fromMs: report.atMs };
  }
  return [...reigns, { ...now, untilMs: round.endedMs, next: undefined }];
}

export function at({ struckMs }: Pick<Round, 'struckMs'>, atMs: number): string {
  return `${atMs < struckMs ? '' : '+'}${(atMs - struckMs).toFixed(0)} ms`;
}
