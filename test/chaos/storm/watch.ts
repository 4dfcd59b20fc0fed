/**
 * All observers of a fleet: they take what clients saw every second, and judge it as soon as everything about that time is
 * known. In a calm they look at what has to be the same everywhere.
 */
import type { Redis } from 'ioredis';
import { cacheKeys } from './cache-traffic.ts';
import {
  aggregateFile,
  connectionCap,
  generationOf,
  generationQuestion,
  generationText,
  numberedLog,
} from './configuration.ts';
import { machines, type StormFleet } from './fleet.ts';
import { longestHoldMs, throttleUnits, throttleWindowMs } from './limit-traffic.ts';
import type { Banner, MailCounts } from './notes.ts';
import { CacheModel, type Shown } from './observers/cache-model.ts';
import { CapModel } from './observers/cap-model.ts';
import { linesOf, missing, wrongLines } from './observers/numbered-lines.ts';
import { Owners } from './observers/owners.ts';
import { compareSums, truthOf } from './observers/sums.ts';
import { ThrottleModel } from './observers/throttle-model.ts';
import { msUntil, ViewLog } from './observers/views.ts';
import type { Report } from './report.ts';
import type { TimeLine } from './time-line.ts';
import { redisOf } from './traffic.ts';

/** Sums are exact within two seconds of the last change of view (R1); the rest ends by its own time-outs. */
const sumsLimitMs = 5_000;
/** Digests have to differ for a while before anything is fetched. */
const cacheLimitMs = 15_000;
const linesLimitMs = 30_000;
const generationLimitMs = 30_000;
/** A banner is judged when the lookout has seen everything around it. */
const bannerDelayMs = 4_000;

export class Watch {
  readonly #fleet: StormFleet;
  readonly #timeLine: TimeLine;
  readonly #report: Report;
  readonly #owners: Owners;
  readonly #throttle = new ThrottleModel({ units: throttleUnits, windowMs: throttleWindowMs });
  readonly #cap = new CapModel(connectionCap, longestHoldMs);
  readonly #cache = new CacheModel();
  /** A bound of time was passed by something that began then. */
  readonly isLate: (text: string, sinceMs: number) => void;
  readonly #viewLog = new ViewLog();
  readonly #redis: ReadonlyMap<string, Redis>;
  /** How long a process that does little waited for the processor since the last look, and at most. */
  waitedMs = 0;
  #longestWaitMs = 0;
  #banners: Banner[] = [];
  #letIn = 0;
  #mail: MailCounts = { messages: 0, cut: 0, refused: 0 };
  #sums = 0;
  #sessions = 0;

  constructor(fleet: StormFleet, timeLine: TimeLine, report: Report, isLate: Watch['isLate']) {
    this.isLate = isLate;
    this.#fleet = fleet;
    this.#timeLine = timeLine;
    this.#report = report;
    this.#owners = new Owners(fleet.lookout);
    this.#redis = new Map(machines.nodes.map((node) => [node, redisOf(fleet.redisSocket(node))]));
  }

  close(): void {
    for (const client of this.#redis.values()) client.disconnect();
  }

  /** What was seen since the last look; whether each address is answered for. */
  async look(): Promise<boolean> {
    const notes = await this.#fleet.traffic.report();
    const { violations, outlook } = await this.#owners.look(this.#timeLine);
    const nowMs = Date.now();
    for (const { atMs, machine, members } of this.#viewLog.take(this.#fleet.lives))
      if (machine !== machines.manager) this.#timeLine.hasView(atMs, machine, nodesAmong(members));
    this.waitedMs = notes.waitedMs;
    this.#longestWaitMs = Math.max(this.#longestWaitMs, notes.waitedMs);
    this.#mail = notes.mail;
    this.#banners.push(...notes.banners);
    this.#letIn += notes.banners.length;
    this.#throttle.add(notes.grants);
    this.#cap.add(notes.holds);
    this.#cache.add(notes.writes);
    const old = this.#banners.filter(({ answeredMs }) => answeredMs < nowMs - bannerDelayMs);
    this.#banners = this.#banners.filter(({ answeredMs }) => answeredMs >= nowMs - bannerDelayMs);
    this.#report.violated([
      ...violations,
      ...this.#owners.strangers(old, this.#timeLine),
      ...this.#throttle.judge(nowMs, this.#timeLine),
      ...this.#cap.judge(nowMs, this.#timeLine),
    ]);
    return this.#fleet.ips.every((ip) => outlook[ip]!.machine !== undefined);
  }

  /** In a calm: what has to be the same everywhere. */
  async compare(): Promise<void> {
    await this.#fleet.traffic.hold();
    await this.look();
    await this.#compareSums();
    await this.#compareCaches();
    await this.#fleet.traffic.release();
  }

  /** After the last gust: what was promised has been kept. */
  async conclude(): Promise<void> {
    await this.#fleet.traffic.hold();
    await this.look();
    await this.#compareGenerations();
    await this.#compareLines();
    await this.#compareMail();
    this.#tell();
  }

  async #compareSums(): Promise<void> {
    const sinceMs = Date.now();
    let seen = { isRight: false, open: 0, text: '' };
    const isRight = async () => {
      const truth = truthOf(machines.nodes.map((node) => this.#fleet.run(node, 'cat', '/proc/net/tcp')));
      seen = await compareSums(truth, this.#fleet.nodes);
      return seen.isRight;
    };
    if ((await msUntil(isRight, sumsLimitMs)) === undefined) this.isLate(`R1 ${seen.text}`, sinceMs);
    this.#sums += 1;
    this.#sessions += seen.open;
  }

  async #compareCaches(): Promise<void> {
    let differences: string[] = [];
    let shown = new Map<string, Shown>();
    const areSame = async () => {
      const all = machines.nodes.map(async (node) => [node, await this.#shownBy(node)] as const);
      shown = new Map(await Promise.all(all));
      differences = this.#cache.differences(shown);
      return differences.length === 0;
    };
    if ((await msUntil(areSame, cacheLimitMs)) === undefined) {
      this.#report.violated(differences.slice(0, 4));
      return;
    }
    const clocksDiffered = (atMs: number) => this.#fleet.clock?.wasOff(atMs) ?? false;
    this.#report.violated(this.#cache.judge(shown.get(machines.nodes[0])!, this.#timeLine, clocksDiffered));
  }

  async #shownBy(node: string): Promise<Shown> {
    const keys = cacheKeys(machines.nodes);
    const values = await this.#redis
      .get(node)!
      .mget(keys)
      .catch(() => []);
    return new Map(keys.map((key, at) => [key, values[at] ?? null]));
  }

  async #compareGenerations(): Promise<void> {
    const { repository } = this.#fleet;
    const isCommitted = async () => await repository.commit();
    if ((await msUntil(isCommitted, generationLimitMs)) === undefined) {
      this.#report.violated(['CONF-11.2 the repository takes no commit, though nothing is wrong any more']);
      return;
    }
    const wanted = repository.acknowledged;
    const members = [...machines.nodes, machines.manager];
    let behind: string[] = [];
    const areEqual = async () => {
      const all = members.map(async (machine) => {
        const isRead = generationOf(await this.#fleet.node(machine).console(generationQuestion)) === wanted;
        const isPulled = repository.filesOf(machine) === generationText(wanted);
        return isRead && isPulled
          ? []
          : [`${machine} ${isPulled ? 'has not read' : 'has not got'} generation ${wanted}`];
      });
      behind = (await Promise.all(all)).flat();
      return behind.length === 0;
    };
    if ((await msUntil(areEqual, generationLimitMs)) === undefined)
      this.#report.violated(behind.map((text) => `CONF-11.2 ${text}`));
  }

  async #compareLines(): Promise<void> {
    const spool = this.#fleet.disk(machines.manager).path;
    let count = 0;
    for (const [node, lines] of this.#fleet.lines) {
      const told = await lines.end();
      const read = () => linesOf(aggregateFile(spool, numberedLog, node));
      const isThere = () => missing(node, told, read()).length === 0;
      if ((await msUntil(isThere, linesLimitMs)) === undefined) {
        const lost = missing(node, told, read());
        this.#report.violated([
          `LOG-15 ${lost.length} acknowledged lines of ${node} are lost: ${lost.slice(0, 8).join(' ')}`,
        ]);
      }
      this.#report.violated(
        wrongLines(node, told, read())
          .slice(0, 4)
          .map((text) => `LOG-15 ${text}`),
      );
      count += told.acknowledged.size;
    }
    this.#report.figure(
      'log lines',
      `${count} acknowledged, each in the files of the manager once unless said otherwise`,
    );
  }

  async #compareMail(): Promise<void> {
    const taken = await Promise.all(this.#fleet.mailHosts.map((host) => host.taken()));
    const messages = taken.reduce((total, each) => total + each.messages, 0);
    const mistaken = taken.reduce((total, each) => total + each.mistaken, 0);
    if (messages < this.#mail.messages)
      this.#report.violated([`${this.#mail.messages} messages were accepted, ${messages} have arrived`]);
    if (mistaken > 0) this.#report.violated([`${mistaken} messages came with another client address`]);
  }

  #tell(): void {
    const { messages, cut, refused } = this.#mail;
    const { repository } = this.#fleet;
    const figures: Record<string, string> = {
      mail: `${messages} messages in ${this.#letIn} sessions, of which ${cut} were cut off; ${refused} attempts found nobody`,
      addresses: `${this.#owners.changes} changes of owner`,
      sums: `${this.#sums} times compared with the kernels, ${this.#sessions} sessions in all`,
      throttle: `${this.#throttle.granted} units granted; ${this.#throttle.judgedWindows} windows judged, ${this.#throttle.fullWindows} of them used up`,
      cap: `${this.#cap.held} connections; most at a time ${this.#cap.most} of ${connectionCap}`,
      cache: `${this.#cache.written} writes; ${this.#cache.judged} times a key was judged`,
      processor: `clients waited for it for ${Math.round(this.#longestWaitMs)} ms at most`,
      configuration: `${repository.commits} commits, ${repository.refusals} refused or without an answer`,
    };
    for (const [name, value] of Object.entries(figures)) this.#report.figure(name, value);
  }
}

function nodesAmong(members: readonly string[]): string[] {
  return machines.nodes.filter((node) => members.includes(node));
}
