/**
 * A storm over a fleet: gust after gust as the schedule says, while clients work and somebody commits configuration; after
 * each the fleet has to be whole again in time, and right.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Fault, faultsOf } from './faults.ts';
import { machines, StormFleet, type StormFleetOptions } from './fleet.ts';
import {
  areAllTogether,
  membersAt,
  msUntil,
  serversAreConnected,
  wholeWithinTimeouts,
} from './observers/views.ts';
import { Report } from './report.ts';
import { type Gust, gusts, type Stroke } from './schedule.ts';
import { TimeLine } from './time-line.ts';
import { Watch } from './watch.ts';

export interface StormOptions extends StormFleetOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly onLine: (line: string) => void;
}

const folder = join(import.meta.dirname, '../../../.cache/chaos');
const lookEveryMs = 1_000;
/** A machine that keeps clients waiting so long keeps nodes waiting, too: they lose leases and views without a fault. */
const starvedOfTimeout = 0.3;
const commitEveryMs = 8_000;
/** Routes between servers are made anew within seconds. */
const serversLimitMs = 30_000;
/** Views whose bound has passed may still come; a fleet that is not whole then is a hopeless case. */
const patienceMs = 60_000;
const servedLimitMs = 20_000;

export async function rideOut(options: StormOptions): Promise<Report> {
  const { minutes, seed, onLine } = options;
  const fleet = await StormFleet.open(options);
  const timeLine = new TimeLine(Date.now(), machines.nodes);
  const report = new Report({ seed, minutes }, timeLine, folder, () => fleet.logs());
  const storm = new Storm(fleet, timeLine, report, onLine);
  try {
    await storm.run(Date.now() + minutes * 60_000);
  } catch (error) {
    report.violated([`it could not go on: ${(error as Error).stack}`]);
  } finally {
    await storm.end();
    await fleet.end();
  }
  return report;
}

class Storm {
  readonly #fleet: StormFleet;
  readonly #timeLine: TimeLine;
  readonly #report: Report;
  readonly #watch: Watch;
  readonly #onLine: (line: string) => void;
  readonly #over = new AbortController();
  #starvedMs = Number.NEGATIVE_INFINITY;
  #unjudged = 0;
  #background: readonly Promise<void>[] = [];
  #isServed = false;

  constructor(fleet: StormFleet, timeLine: TimeLine, report: Report, onLine: (line: string) => void) {
    this.#fleet = fleet;
    this.#timeLine = timeLine;
    this.#report = report;
    this.#watch = new Watch(fleet, timeLine, report, (text, sinceMs) => this.#isLate(text, sinceMs));
    this.#onLine = onLine;
  }

  async run(untilMs: number): Promise<void> {
    const faults = faultsOf(this.#fleet);
    this.#background = [
      this.#keep('looking', lookEveryMs, async () => {
        this.#isServed = await this.#watch.look();
        this.#noteStarvation();
      }),
      this.#keep('committing', commitEveryMs, async () => {
        const isDone = await this.#fleet.repository.commit();
        if (!isDone) this.#timeLine.note(Date.now(), 'a commit was refused');
      }),
    ];
    await this.#becomeWhole();
    for (const gust of gusts(this.#report.seed, faults, machines)) {
      if (Date.now() > untilMs) break;
      this.#onLine(this.#lineOf(gust));
      this.#report.struck(gust);
      await Promise.all(gust.strokes.map((stroke) => this.#strike(stroke, faults)));
      await this.#becomeWhole();
      await this.#watch.compare();
      await pause(gust.calmMs);
    }
    await this.#rest();
    await this.#watch.conclude();
    if (this.#unjudged > 0)
      this.#report.figure('starved', `${this.#unjudged} bounds of time were passed then`);
  }

  async end(): Promise<void> {
    await this.#rest();
    this.#watch.close();
  }

  async #strike({ fault: name, victims, fromMs, untilMs }: Stroke, faults: readonly Fault[]): Promise<void> {
    const { leaves, harm } = faults.find((fault) => fault.name === name)!;
    const struck = { fault: name, victims, leaves };
    const { strike, undo } = harm(this.#fleet, victims);
    await pause(fromMs);
    this.#timeLine.strikes(Date.now(), struck);
    await strike();
    await pause(untilMs - fromMs);
    await undo();
    this.#timeLine.isUndone(Date.now(), struck);
  }

  /** Everybody is with everybody again, in time, and all addresses are served. */
  async #becomeWhole(): Promise<void> {
    const sinceMs = Date.now();
    const connectedMs = await msUntil(() => serversAreConnected(this.#fleet), serversLimitMs);
    if (connectedMs === undefined) throw new Error('the NATS servers do not find each other');
    const wholeMs = await msUntil(() => areAllTogether(this.#fleet), patienceMs);
    if (wholeMs === undefined) throw new Error(`R1 views are not whole: ${await this.#lists()}`);
    const wholeWithinMs = wholeWithinTimeouts * this.#fleet.failureTimeoutS * 1_000;
    if (wholeMs > wholeWithinMs)
      this.#isLate(`R1 views were whole after ${Math.round(wholeMs)} ms, not ${wholeWithinMs}`, sinceMs);
    this.#report.wholeAfter(wholeMs);
    this.#isServed = false;
    if ((await msUntil(() => this.#isServed, servedLimitMs)) === undefined)
      this.#isLate(`not all addresses are served ${servedLimitMs} ms after views were whole`, sinceMs);
    this.#timeLine.isWhole(Date.now());
  }

  async #lists(): Promise<string> {
    const members = [...machines.nodes, machines.manager];
    const lists = await Promise.all(members.map((machine) => membersAt(this.#fleet, machine)));
    return members.map((machine, at) => `${machine} lists ${lists[at]}`).join('; ');
  }

  #noteStarvation(): void {
    const { waitedMs } = this.#watch;
    if (waitedMs < starvedOfTimeout * this.#fleet.failureTimeoutS * 1_000) return;
    this.#starvedMs = Date.now();
    this.#timeLine.note(this.#starvedMs, `clients waited ${Math.round(waitedMs)} ms for the processor`);
  }

  /** A bound of time was passed: a violation, unless the machine did not let anybody keep it. */
  #isLate(text: string, sinceMs: number): void {
    if (this.#starvedMs < sinceMs) {
      this.#report.violated([text]);
      return;
    }
    this.#unjudged += 1;
    this.#timeLine.note(Date.now(), `${text}: the machine is starved`);
  }

  /** Again and again, until the end. */
  async #keep(what: string, everyMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await work().catch((error: Error) => this.#report.violated([`${what} failed: ${error.stack}`]));
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #rest(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#background);
  }

  #lineOf({ number, strokes }: Gust): string {
    const faults = strokes.map(
      ({ fault, victims, untilMs, fromMs }) => `${fault} ${victims.join('+')} ${untilMs - fromMs} ms`,
    );
    return `${this.#timeLine.seconds(Date.now()).padStart(9)}  gust ${number}: ${faults.join(', ')}`;
  }
}
