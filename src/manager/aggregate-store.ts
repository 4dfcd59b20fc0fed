/**
 * Where pulled records end up: outputs by the pattern of `logfile` (logging 10.2, 10.3).
 *
 * Invariants: a record goes where its own time says, so that one that comes again comes to the same output; an output
 * skips what it holds, so that each record is in it once; `store` resolves when all of them are kept. What cannot be kept
 * holds its own log only.
 */
import { resolve } from 'node:path';
import type { AggregateStore, LogSource, PulledRecord } from '../actors/log-ports.ts';
import { FlotillaError } from '../core/errors.ts';
import { logsOf, type NodeLogs } from '../core/logs/aggregation.ts';
import type { Destination } from '../core/logs/destination.ts';
import type { LogTarget } from '../core/logs/logger-settings.ts';
import { OutputPattern, outputNameProblem } from '../core/logs/output-pattern.ts';
import { localTime, type TimeZone } from '../core/logs/strftime.ts';
import type { LogsSettings } from '../core/settings.ts';
import { Turns } from '../node/turns.ts';
import { type AggregateAround, AggregateFile, type AggregateTarget } from './aggregate-file.ts';
import { AggregateOutputs, type OutputPlace } from './aggregate-outputs.ts';
import { originKey } from './aggregate-state.ts';

export interface AggregateStoreOptions {
  readonly settings: LogsSettings;
  /** Name of this manager. */
  readonly manager: string;
  /** That of this machine. */
  readonly zone: TimeZone;
  readonly around: AggregateAround;
  /** Opens what is no file: a program, for example. */
  openDestination(target: LogTarget): Promise<AggregateTarget>;
}

interface Group {
  readonly place: OutputPlace;
  readonly records: PulledRecord[];
}

/** Looked at before the clock is asked whether others are to have a turn. */
const recordsATurn = 256;

export class Aggregate implements AggregateStore {
  readonly #options: AggregateStoreOptions;
  #settings: LogsSettings;
  readonly #outputs: AggregateOutputs;
  readonly #patterns = new Map<Destination, OutputPattern>();
  readonly #underWay = new Map<string, Promise<void>>();
  #isStopping = false;

  constructor(options: AggregateStoreOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#outputs = new AggregateOutputs(options.around);
  }

  get openOutputs(): number {
    return this.#outputs.open;
  }

  /**
   * Intervals that come from now on go where these stanzas say. What is open is closed when those under way are kept, because
   * it was opened as the stanzas before wanted it.
   */
  configure(settings: LogsSettings): void {
    this.#settings = settings;
    this.#patterns.clear();
    void Promise.allSettled(this.#underWay.values()).then(() => this.#outputs.reopen());
  }

  /** Rejects with FLT-2501 to FLT-2506. */
  async store(source: LogSource, records: readonly PulledRecord[]): Promise<void> {
    if (this.#isStopping) throw new FlotillaError('FLT-2506', `${source.log} of ${source.node}`);
    refuseNames(source);
    const key = originKey(source);
    // The later one could be kept and the earlier one not: what is missing in between would be taken for kept.
    if (this.#underWay.has(key)) throw new Error(`${key} is being stored already`);
    const kept = this.#keep(source, records);
    this.#underWay.set(key, kept);
    try {
      await kept;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** `reopen logs`: outputs that somebody has moved away are made anew. */
  reopen(): Promise<void> {
    return this.#outputs.reopen();
  }

  /** Nothing is taken any more; what was, is stored. Safe to call again. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.allSettled(this.#underWay.values());
    await this.#outputs.stop();
  }

  async #keep(source: LogSource, records: readonly PulledRecord[]): Promise<void> {
    const { node, log, subscriber, journal } = source;
    const logs = logsOf(this.#settings, this.#options.manager, node, source.subcluster);
    const origin = { node, log, subscriber, journal };
    const groups = await this.#grouped(source, records, logs);
    const kept = groups.map(({ place, records: own }) =>
      this.#outputs.add(place, { origin, records: own, sync: logs.sync }),
    );
    // All of them have come to an end before the next interval of this source may begin.
    for (const result of await Promise.allSettled(kept))
      if (result.status === 'rejected') throw result.reason;
  }

  /** By output, in the order of the journal. Most neighbours were written in the same second. */
  async #grouped(
    { log, node, subcluster }: LogSource,
    records: readonly PulledRecord[],
    logs: NodeLogs,
  ): Promise<Group[]> {
    const turns = new Turns(this.#options.around.clock);
    const groups = new Map<string, Group>();
    let second: number | undefined;
    let group: Group | undefined;
    let looked = 0;
    for (const record of records) {
      if (++looked % recordsATurn === 0) await turns.next();
      const timeS = Math.floor(record.timeUs / 1_000_000);
      if (!group || timeS !== second) {
        const time = localTime(timeS, this.#options.zone);
        const destination = this.#patternOf(logs.logfile).expand({ log, node, subcluster }, time);
        const key = keyOf(destination);
        group = groups.get(key) ?? { place: this.#place(key, destination, logs), records: [] };
        groups.set(key, group);
        second = timeS;
      }
      group.records.push(record);
    }
    return [...groups.values()];
  }

  #patternOf(logfile: Destination): OutputPattern {
    const pattern = this.#patterns.get(logfile) ?? new OutputPattern(logfile);
    this.#patterns.set(logfile, pattern);
    return pattern;
  }

  #place(key: string, destination: Destination, logs: NodeLogs): OutputPlace {
    const { maxOpen, maxIdleMs, fileMode, dirMode, sync } = logs;
    const file = { path: key, fileMode, dirMode, sync };
    const { around, openDestination } = this.#options;
    return {
      ...{ key, maxOpen, maxIdleMs },
      open: () =>
        destination.scheme === 'file'
          ? AggregateFile.open(file, around)
          : openDestination({ destination, mode: fileMode }),
    };
  }
}

/** A file by its absolute path; everything else is told apart by all that it is made of. */
function keyOf({ scheme, path, parameters, subscribers }: Destination): string {
  if (scheme === 'file') return resolve(path);
  return JSON.stringify([scheme, path, [...parameters], subscribers]);
}

/** A node must not choose paths on the manager. */
function refuseNames({ node, log, subcluster }: LogSource): void {
  for (const name of [node, log, subcluster]) {
    const problem = outputNameProblem(name);
    if (problem !== undefined)
      throw new FlotillaError(
        'FLT-2504',
        `${JSON.stringify(name)}, told by ${JSON.stringify(node)}: ${problem}`,
      );
  }
}
