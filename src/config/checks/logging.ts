/** Loggers, their destinations, and what is offered to the aggregator (CFG-2314, CFG-2318). */
import { type Destination, isJournal } from '../../core/logs/destination.ts';
import { customStages } from '../../core/logs/logger-settings.ts';
import { closedSchemes } from '../logger-settings.ts';
import { asFlag, ScopeReader } from '../reader.ts';
import type { Scope, Setting } from '../scope-tree.ts';
import { didYouMean } from '../suggest.ts';
import { type CheckContext, valueSpan } from './check.ts';

const loggerKinds = ['ec_logger', 'bounce_logger', 'custom_logger'];

export function checkLogging(context: CheckContext): void {
  checkOffered(context);
  for (const kind of loggerKinds) checkSharedDefaults(context.root.children(kind).filter(isEnabled), context);
  checkClosed(context);
  for (const logger of context.root.children('custom_logger').filter(isEnabled)) checkStages(logger, context);
  checkSeries(context);
}

/** Lines that would go nowhere without a word. */
function checkClosed({ root, findings }: CheckContext): void {
  const closed = closedSchemes(root);
  for (const logger of loggerKinds.flatMap((kind) => root.children(kind)).filter(isEnabled)) {
    for (const { setting, destination } of destinationsOf(logger)) {
      if (!closed.includes(destination.scheme)) continue;
      const message = `nothing is written there: ${destination.scheme}_io is switched off`;
      findings.add('CFG-2006', valueSpan(setting), message, {
        hint: `take enabled = false out of ${destination.scheme}_io { }`,
        severity: 'warning',
      });
    }
  }
}

/** A stage of a custom_logger takes a format and a place: with one of the two alone nothing is written. */
function checkStages(logger: Scope, { findings }: CheckContext): void {
  const warn = ({ nameSpan }: Setting, message: string, hint: string): void =>
    findings.add('CFG-2006', nameSpan, message, { hint, severity: 'warning' });
  for (const stage of customStages) {
    const format = logger.get(`${stage}_format`);
    const place = logger.get(`${stage}_logfile`);
    if (place && !format)
      warn(place, `nothing is written there: the stage ${stage} has no format`, `set ${stage}_format`);
    else if (format && !place && !logger.get('mainlog'))
      warn(format, `nothing is written: the stage ${stage} has no file`, `set ${stage}_logfile or mainlog`);
  }
}

function isEnabled(logger: Scope): boolean {
  const enabled = logger.get('enabled');
  return enabled === undefined || asFlag(enabled.value);
}

function destinationsOf(logger: Scope): { readonly setting: Setting; readonly destination: Destination }[] {
  const settings = [...logger.settings.values()].filter(({ schema }) => schema.type.kind === 'destination');
  return settings.map((setting) => ({ setting, destination: setting.value as Destination }));
}

/** The path of a `cluster://` destination is found by the aggregator through `logs` only. */
function checkOffered({ root, findings }: CheckContext): void {
  const offered = root.child('cluster', '')?.get('logs');
  const entries = offered?.raw.kind === 'dictionary' ? offered.raw.entries : [];
  const paths = new Set(entries.map(({ value }) => value.text));
  const written = new Set<string>();
  for (const logger of loggerKinds.flatMap((kind) => root.children(kind))) {
    for (const { setting, destination } of destinationsOf(logger)) {
      if (isJournal(destination)) written.add(destination.path);
      if (destination.scheme !== 'cluster' || paths.has(destination.path)) continue;
      const message = `the journal '${destination.path}' is not offered: no entry of logs in cluster { } names it`;
      findings.add('CFG-2314', valueSpan(setting), message, {
        hint: () => didYouMean(destination.path, paths),
      });
    }
  }
  for (const { key, value } of entries) {
    if (written.has(value.text)) continue;
    const message = `'${key.text}' is offered, but no logger writes the journal '${value.text}'`;
    findings.add('CFG-2314', value.span, message, { hint: () => didYouMean(value.text, written) });
  }
}

/** An instance that leaves one of its logs out still writes it, to the default path (logging 3). */
function checkSharedDefaults(loggers: readonly Scope[], { findings }: CheckContext): void {
  const [first] = loggers;
  if (first === undefined) return;
  for (const option of first.schema.options) {
    if (option.type.kind !== 'destination' || option.default === undefined) continue;
    const writing = loggers.filter((logger) => pathOf(logger, option.name) === option.default);
    const [earlier, ...others] = writing;
    for (const logger of others) {
      const silent = logger.get(option.name) === undefined ? logger : earlier;
      if (silent === undefined || silent.get(option.name) !== undefined) continue;
      const other = silent === logger ? earlier : logger;
      const message = `${logger.schema.name} '${silent.instance}' leaves out ${option.name}, so it writes ${option.default} as '${other?.instance}' does`;
      findings.add('CFG-2318', silent.span, message, { hint: `state ${option.name}` });
    }
  }
}

function pathOf(logger: Scope, option: string): string {
  return (new ScopeReader(logger.schema, logger).value(option) as Destination).path;
}

function checkSeries({ root, findings }: CheckContext): void {
  const logger = root.child('as_logger', '');
  if (logger === undefined) return;
  const writesAll = logger.get('series_include_default')?.value === 'all';
  const idle = logger.get(writesAll ? 'series_include' : 'series_exclude');
  if (idle !== undefined) {
    const message = `${idle.schema.name} has no effect with series_include_default = ${writesAll ? 'all' : 'none'}`;
    findings.add('CFG-2006', idle.nameSpan, message, { severity: 'warning' });
  } else if (!writesAll && logger.get('series_include') === undefined) {
    findings.add('CFG-2006', logger.span, 'as_logger writes nothing: no series is named', {
      hint: 'set series_include, or series_include_default = all',
      severity: 'warning',
    });
  }
}
