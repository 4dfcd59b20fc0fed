/**
 * The configuration that runs, as generations: each reload makes one of the files, each change from a console one of what
 * ran before (CONF-10). Owns the transactions of console sessions.
 *
 * Invariants: a generation is applied wholly or not at all, and one at a time; a transaction counts only on the generation
 * it began with; the files are written by `config writeback` alone.
 */

import { type Change, consoleName, withChange } from '../config/change.ts';
import { type CheckRequest, type CheckResult, checkChanged, checkConfiguration } from '../config/check.ts';
import type { Finding } from '../config/finding.ts';
import { commandOf, doneText, type Wish, wishToSet, wishToUnset } from '../config/online/change-words.ts';
import { type Module, modulesOf } from '../config/online/modules.ts';
import {
  type ConfigReply,
  evaluate,
  get,
  locate,
  type Reply,
  refused as refusedReply,
  show,
  showRecursive,
} from '../config/online/questions.ts';
import { ScopeReader } from '../config/reader.ts';
import { renderFinding } from '../config/report.ts';
import { globalScope } from '../config/schema/global.ts';
import { showAll } from '../config/show.ts';
import type { ConfigurationFacts, ConfigVerb } from '../console/facts.ts';
import type { Commander } from '../console/registry.ts';
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import {
  type CheckedConfiguration,
  type ConfigurationSource,
  type ConfigurationText,
  isChecked,
  loadingFrom,
  requestOf,
} from './configuration.ts';
import { Generations } from './generations.ts';
import { impossible, type ReloadOutcome, refused } from './reload.ts';
import { writeBack, writeEverything } from './write-back.ts';

export interface RunningConfigurationParts {
  /** What the process was started with. */
  readonly source: ConfigurationSource;
  /** What it runs with now; undefined: it was given settings alone. */
  readonly first: CheckedConfiguration | undefined;
  /** As far as the running process can follow. Rejects when nothing has changed. */
  apply(checked: CheckedConfiguration): Promise<ReloadOutcome>;
  inTurn<Result>(duty: () => Promise<Result>): Promise<Result>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What runs, and what it is made of. */
export interface Running {
  readonly request: CheckRequest;
  readonly checked: CheckedConfiguration;
  /** Not in the files. */
  readonly changes: readonly Change[];
}

interface Transaction {
  readonly base: number;
  readonly running: Running;
  readonly changes: readonly Change[];
  /** Of the transaction alone. */
  readonly commands: readonly string[];
}

const noTransaction = refusedReply("There is no open transaction; 'config begin' opens one.");

export class RunningConfiguration implements ConfigurationFacts {
  readonly #parts: RunningConfigurationParts;
  readonly #generations: Generations;
  #running: Running | undefined;
  /** Has been told already. */
  #needRestart: readonly string[] = [];
  /** They end with their sessions. */
  readonly #transactions = new WeakMap<Commander, Transaction>();

  constructor(parts: RunningConfigurationParts) {
    this.#parts = parts;
    const { source, first, clock } = parts;
    const request = first && requestOf(source);
    this.#generations = new Generations(clock);
    if (!first || !request) return;
    this.#running = { request, checked: first, changes: [] };
    this.#generations.add({ by: '', from: 'start', text: showAll(first.tree) });
  }

  /** Changes that are not in the files. */
  get pending(): number {
    return this.#running?.changes.length ?? 0;
  }

  /** From the files, without what was changed on consoles (CONF-10). */
  reload(from: ConfigurationText | string | undefined, by?: Commander): Promise<ReloadOutcome> {
    const { source, inTurn } = this.#parts;
    if (by && this.#transactions.has(by))
      return Promise.resolve(impossible(new Error('a transaction is open: commit it or roll it back first')));
    const text = typeof from === 'string' ? { configFile: from } : (from ?? source);
    return inTurn(async () => {
      const outcome = await this.#reload(text, userOf(by)).catch(impossible);
      const { log } = this.#parts;
      if (by) log.info(`CONSL: config reload by ${userOf(by) || 'the console'}`);
      if (outcome.applied) log.notice('the configuration was read again', { ...outcome, report: undefined });
      else log.error(`the configuration was read again and refused: ${outcome.report.trim()}`);
      return outcome;
    });
  }

  /** `always`: loaded without a stanza. Throws FLT-1003. */
  modules(always: readonly string[]): Module[] {
    return modulesOf(this.#stated.checked.tree, always);
  }

  async ask(verb: ConfigVerb, words: readonly string[], by: Commander): Promise<Reply> {
    const running = this.#stated;
    const root = this.#seenBy(by, running).tree;
    switch (verb) {
      case 'get':
        return get(root, words);
      case 'eval':
        return evaluate(root, words);
      case 'show':
        return show(root, words);
      case 'showrecurse':
        return showRecursive(root, words);
      case 'locate':
        return locate(root, words);
      case 'set':
        return this.#wish(wishToSet(words), by);
      case 'unset':
        return this.#wish(wishToUnset(root, words), by);
      case 'history':
        return this.#generations.list(words);
      case 'diff':
        return this.#generations.differences(words);
      case 'begin':
        return this.#begin(words, by, running);
      case 'write':
        return this.#write(words, running);
      case 'writeback':
        return this.#parts.inTurn(() => this.#writeBack(words));
      default:
        return words.length > 0 ? undefined : this.#finish(verb, by);
    }
  }

  get #stated(): Running {
    if (!this.#running)
      throw new FlotillaError('FLT-1003', 'the node was started with settings, not with a file');
    return this.#running;
  }

  /** A session sees its own transaction. */
  #seenBy(by: Commander, running: Running): CheckedConfiguration {
    return this.#transactions.get(by)?.running.checked ?? running.checked;
  }

  async #reload(text: ConfigurationText, by: string): Promise<ReloadOutcome> {
    const { configFile: _file, configText: _text, ...given } = this.#parts.source;
    const source = { ...given, ...text };
    const request = requestOf(source);
    if (!request) throw new FlotillaError('FLT-1003', 'the node was started without a file');
    const loaded = loadingFrom(source);
    const checked = checkConfiguration(request);
    if (!isChecked(checked)) return refused(checked);
    const outcome = await this.#apply({ request, checked, changes: [] }, { by, from: 'files' });
    loaded();
    return outcome;
  }

  /** In turn. */
  async #apply(next: Running, { by, from }: { by: string; from: string }): Promise<ReloadOutcome> {
    const outcome = await this.#parts.apply(next.checked);
    this.#running = next;
    this.#needRestart = outcome.needRestart;
    this.#generations.add({ by, from, text: showAll(next.checked.tree) });
    return outcome;
  }

  // Changes

  #wish(wish: Wish | ConfigReply | undefined, by: Commander): Reply | Promise<Reply> {
    if (!wish || !('change' in wish)) return wish;
    const transaction = this.#transactions.get(by);
    if (!transaction) return this.#parts.inTurn(() => this.#changeAtOnce(wish, by));
    const next = changed(transaction.running, transaction.changes, wish.change);
    if ('isDone' in next) return next;
    const command = commandOf(wish)!;
    const commands = [...transaction.commands, command];
    const remarks = remarksOf(next.checked, wish.change, transaction.running.checked);
    this.#transactions.set(by, { ...transaction, changes: next.changes, running: next, commands });
    const isLate = wish.change.kind === 'set' && wish.place?.option.restart !== undefined;
    const warning = isLate ? `warning: ${wish.place!.option.name} takes effect after restart\n` : '';
    return { isDone: true, text: remarks + doneText(wish, next.checked.tree) + warning };
  }

  async #changeAtOnce(wish: Wish, by: Commander): Promise<ConfigReply> {
    const running = this.#running!;
    const next = changed(running, running.changes, wish.change);
    if ('isDone' in next) return next;
    const told = this.#needRestart;
    const outcome = await this.#apply(next, { by: userOf(by), from: 'console' }).catch(impossible);
    if (!outcome.applied) return { isDone: false, text: outcome.report };
    this.#logChange(by, commandOf(wish)!);
    const late = outcome.needRestart.filter((name) => !told.includes(name));
    const remarks = remarksOf(next.checked, wish.change, running.checked);
    const warnings = late.map((name) => `warning: ${name} takes effect after restart\n`);
    return {
      isDone: true,
      text: [remarks, doneText(wish, next.checked.tree), ...warnings].join(''),
    };
  }

  #logChange(by: Commander, command: string): void {
    this.#parts.log.info(`CONSL: ${command} by ${userOf(by) || 'the console'}`);
  }

  // Transactions

  #begin(words: readonly string[], by: Commander, running: Running): Reply {
    const isEmpty = words.join(' ').toLowerCase() === 'from scratch';
    if (words.length > 0 && !isEmpty) return undefined;
    if (this.#transactions.has(by)) return refusedReply('A transaction is open already.');
    const base = this.#generations.newest;
    const next = isEmpty ? changed(running, running.changes, { kind: 'clear' }) : running;
    if ('isDone' in next) return next;
    this.#transactions.set(by, { base, running: next, changes: next.changes, commands: [] });
    return {
      isDone: true,
      text: `Transaction begun on generation ${base}${isEmpty ? ', from scratch' : ''}.\n`,
    };
  }

  #finish(verb: ConfigVerb, by: Commander): Reply | Promise<Reply> {
    const transaction = this.#transactions.get(by);
    if (!transaction) return noTransaction;
    if (verb === 'replay')
      return { isDone: true, text: transaction.commands.map((command) => `${command}\n`).join('') };
    if (verb === 'commit') return this.#parts.inTurn(() => this.#commit(transaction, by));
    this.#transactions.delete(by);
    return { isDone: true, text: 'Transaction rolled back.\n' };
  }

  async #commit({ base, running, commands }: Transaction, by: Commander): Promise<ConfigReply> {
    const { newest } = this.#generations;
    if (newest !== base)
      return refusedReply(
        `commit failed: configuration changed since 'config begin' (generation ${base} -> ${newest})`,
      );
    const outcome = await this.#apply(running, { by: userOf(by), from: 'console' }).catch(impossible);
    if (outcome.applied) {
      this.#transactions.delete(by);
      for (const command of commands) this.#logChange(by, command);
    }
    return { isDone: outcome.applied, text: outcome.report };
  }

  // Files

  async #write(words: readonly string[], { request, checked }: Running): Promise<Reply> {
    if (words.length > 1) return undefined;
    return words[0] === undefined
      ? { isDone: true, text: showAll(checked.tree) }
      : writeEverything(words[0], showAll(checked.tree, 'written'), { request, checked }, this.#parts.clock);
  }

  async #writeBack(words: readonly string[]): Promise<Reply> {
    const running = this.#running!;
    if (words.length > 0) return this.#write(words, running);
    const { running: after, ...reply } = await writeBack(running, this.#parts.clock);
    this.#running = after;
    return reply;
  }
}

function userOf(by: Commander | undefined): string {
  return by?.identity.user ?? '';
}

/** What would run with one more change, or why it cannot. */
function changed(
  { request, checked }: Running,
  before: readonly Change[],
  change: Change,
): Running | ConfigReply {
  const changes = withChange(before, change);
  // Of what runs, or a change could lift the bound that it breaks.
  const most = new ScopeReader(globalScope, checked.tree).number('max_pending_changes');
  if (changes.length > most)
    return refusedReply(`There are ${most} changes that are in no file: write them back, or reload.`);
  const next = checkChanged(checked.loaded, request, changes);
  const told = withoutOldRemarks(next);
  if (isChecked(told)) return { request, checked: told, changes };
  return { isDone: false, text: refused(told).report };
}

/** What was remarked on when the files were read. */
function withoutOldRemarks(result: CheckResult): CheckResult {
  const isNew = ({ file, severity }: Finding) => severity === 'error' || file === consoleName;
  const findings = result.findings.filter(isNew);
  const { errors } = result.counts;
  const howMany = (severity: Finding['severity']) =>
    findings.filter((finding) => finding.severity === severity).length;
  return {
    ...result,
    findings,
    counts: { errors, warnings: howMany('warning'), notices: howMany('notice') },
  };
}

/** On this change, and whatever else it brought about: not again what was said of changes before it. */
function remarksOf({ findings }: CheckResult, change: Change, before: CheckResult): string {
  const own = change.kind === 'set' ? `${change.option} = ${change.value}` : undefined;
  const known = new Set(before.findings.map(keyOfRemark));
  return findings
    .filter(
      (finding) =>
        !known.has(keyOfRemark(finding)) || (own !== undefined && finding.span.source.text.includes(own)),
    )
    .map((finding) => `${renderFinding(finding)}\n`)
    .join('');
}

function keyOfRemark({ code, message }: Finding): string {
  return `${code} ${message}`;
}
