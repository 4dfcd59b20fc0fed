/**
 * Random and mutated configurations for parser, validation and report (goal R7): whatever the text, the bytes or the
 * include graph, nothing throws or hangs, findings lie inside of their texts, reports stay bounded, settings exist
 * exactly when there is no error, and what was understood reads the same when it is printed. A failure names the run
 * and seed that replay it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type CheckResult, checkConfiguration } from '../../src/config/check.ts';
import { Findings } from '../../src/config/finding.ts';
import { parseSource } from '../../src/config/parser.ts';
import { printItems } from '../../src/config/print.ts';
import { renderFindings } from '../../src/config/report.ts';
import { scopesWithPaths } from '../../src/config/schema/lookup.ts';
import { decodeText, Source } from '../../src/config/source.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { memoryFiles } from '../unit/config/memory-files.ts';
import { shapeOf } from '../unit/config/shape.ts';
import { mutateBytes } from './mutate.ts';

export interface ConfigurationFuzzSummary {
  readonly runs: number;
  readonly valid: number;
  readonly invalid: number;
  readonly slowestMs: number;
}

/** Far above what any of these inputs takes on a busy machine, and far below what a quadratic step would take. */
const longestRunMs = 10_000;
const longestReport = 100_000;

export function fuzzConfiguration(runs: number, seed: number): ConfigurationFuzzSummary {
  const summary = { runs, valid: 0, invalid: 0, slowestMs: 0 };
  for (let run = 0; run < runs; run++) {
    const files = inputOf(new SeededRandom(seed, `configuration ${run}`));
    const start = performance.now();
    try {
      summary[examine(files)]++;
    } catch (error) {
      const shown = JSON.stringify(
        Object.entries(files).map(([name, bytes]) => [name, decodeText(bytes).slice(0, 2000)]),
      );
      throw new Error(`fuzzConfiguration run ${run} of seed ${seed}: ${shown}`, { cause: error });
    }
    summary.slowestMs = Math.max(summary.slowestMs, performance.now() - start);
    if (summary.slowestMs > longestRunMs)
      throw new Error(`fuzzConfiguration run ${run} of seed ${seed} took too long`);
  }
  return summary;
}

type Files = Readonly<Record<string, Uint8Array>>;

function examine(files: Files): 'valid' | 'invalid' {
  const environment = { EC_CONF_SEARCH_PATH: '/inc' };
  const result = checkConfiguration({
    file: '/main',
    environment,
    hostname: 'h',
    strict: true,
    files: memoryFiles(files),
  });
  if (!result.found) throw new Error('the main file was not found');
  if ((result.counts.errors === 0) !== (result.settings !== undefined))
    throw new Error('settings and errors');
  examinePlaces(result);
  for (const json of [false, true]) {
    if (
      renderFindings({ ...result, findings: result.findings.slice(0, 50) }, { json }).length > longestReport
    )
      throw new Error('report too long');
  }
  for (const bytes of Object.values(files)) examineRoundTrip(decodeText(bytes));
  return result.counts.errors === 0 ? 'valid' : 'invalid';
}

function examinePlaces({ findings }: CheckResult): void {
  if (findings.length > 1000) throw new Error('too many findings');
  for (const { span, line, column, endLine, endColumn } of findings) {
    const isInside = 0 <= span.start && span.start <= span.end && span.end <= span.source.text.length;
    if (!isInside || line < 1 || column < 1) throw new Error('a place outside of the text');
    if (endLine < line || (endLine === line && endColumn < column))
      throw new Error('a place that ends before it begins');
  }
}

function examineRoundTrip(text: string): void {
  const findings = new Findings();
  const items = parseSource(new Source('text', text), findings, { strict: false });
  if (findings.hasErrors) return;
  const again = parseSource(new Source('printed', printItems(items)), findings, { strict: false });
  if (findings.hasErrors) throw new Error('what was printed cannot be read');
  const [before, after] = [shapeOf(items), shapeOf(again)];
  if (before.length !== after.length || before.some((line, index) => line !== after[index])) {
    throw new Error('what was printed reads differently');
  }
}

// Inputs

const encoder = new TextEncoder();
const folder = new URL('../fixtures/config/', import.meta.url);
const fixtures = readdirSync(folder).map((name) => readFileSync(new URL(name, folder)));

function inputOf(random: SeededRandom): Files {
  const kind = random.next();
  if (kind < 0.35) return { '/main': mutateBytes(random.pick(fixtures), random, 12) };
  if (kind < 0.6) return { '/main': encoder.encode(statements(random, 0)) };
  if (kind < 0.8) return { '/main': encoder.encode(soup(random)) };
  if (kind < 0.9) return { '/main': mutateBytes(encoder.encode(statements(random, 0)), random, 6) };
  if (kind < 0.95)
    return { '/main': Uint8Array.from({ length: random.below(300) }, () => random.below(256)) };
  return kind < 0.9995 ? includeGraph(random) : { '/main': encoder.encode(deep(random)) };
}

const pieces = [
  ...[
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '=',
    '"',
    "'",
    '#',
    '/*',
    '*/',
    '\n',
    ' ',
    '\t',
    '\r\n',
    ',',
    ';',
    '\\',
    '\0',
    '\ufeff',
  ],
  ...[
    '“',
    '”',
    '»',
    '🚢',
    '\u2028',
    '<a="b">',
    '10.0.0.0/8',
    '::1',
    ':25',
    '/re(x)/',
    'include',
    'readonly_include',
    '/main',
  ],
  ...['cluster', 'Replicate', 'Binding', 'Listen', 'Logger a/b', 'Domain', 'logs', 'servers', 'enabled', 'x'],
];

function soup(random: SeededRandom): string {
  let text = '';
  for (let count = random.below(60); count > 0; count--)
    text += random.pick(pieces) + (random.chance(0.6) ? ' ' : '');
  return text;
}

const places = [...scopesWithPaths()];
const values = [
  ...[
    '0',
    '1',
    '-1',
    '5',
    '0.5',
    '0640',
    'true',
    'off',
    '""',
    '*',
    '"a b"',
    'default',
    'cache',
    'inbound_cidr',
    '1e9',
    '99999999999999999999',
  ],
  ...[
    '10.0.0.1',
    '127.0.0.1',
    '::1',
    '"[::1]:25"',
    '*:25',
    '10.0.0.1:25',
    '/tmp/x',
    '10.0.0.0/8',
    '"/^a(/"',
    '"/a|b/"',
    '"5/0"',
    '"60/3"',
  ],
  ...[
    '"nats://h:1"',
    '"tls://[::1]"',
    '"cluster:///x=>m"',
    '"jlog://x"',
    '"pipe:///x?a=%"',
    '"%{x}"',
    '"%q %i %h{a"',
    '"300,6"',
    '"odbc:x"',
    'fast',
  ],
  ...[
    '"connect;snapshot"',
    'majority',
    '( )',
    '( a "b c" )',
    '[ ]',
    '[ a = 10.0.0.1 B = 127.0.0.1 ]',
    '[ a = /x a = /y ]',
    '"#mmove"',
  ],
];

/** Statements with names of the schema, mostly where they belong. */
function statements(random: SeededRandom, depth: number): string {
  const { schema } = depth === 0 ? places[0]! : random.pick(places);
  return statementsOf(random, schema, depth);
}

function statementsOf(
  random: SeededRandom,
  schema: (typeof places)[number]['schema'],
  depth: number,
): string {
  let text = '';
  for (let count = random.below(6); count > 0; count--) {
    const other = random.chance(0.1) ? random.pick(places).schema : schema;
    if (random.chance(0.5) && other.options.length > 0)
      text += `${random.pick(other.options).name} = ${random.pick(values)}\n`;
    else if (other.scopes.length > 0 && depth < 5) {
      const inner = random.pick(
        other.scopes.filter(({ ignored }) => !ignored || random.chance(0.05)).concat(other.scopes[0]!),
      );
      const isNamed = random.chance(0.05) ? inner.instance === 'none' : inner.instance !== 'none';
      const instance = isNamed ? ` ${random.pick(values.slice(0, -6))}` : '';
      text += `${inner.name}${instance} {\n${statementsOf(random, inner, depth + 1)}}\n`;
    }
  }
  return text;
}

function includeGraph(random: SeededRandom): Files {
  const names = ['/main', ...Array.from({ length: 1 + random.below(8) }, (_, n) => `/inc/${n}`)];
  const targets = [...names, '/inc', '0', '1', 'missing', '""', '"file:///inc/2"', '"http://x"'];
  const text = () => {
    let lines = '';
    for (let count = random.below(5); count > 0; count--) {
      lines += random.chance(0.6) ? `include ${random.pick(targets)}\n` : statements(random, 2);
    }
    return encoder.encode(lines);
  };
  return Object.fromEntries(names.map((name) => [name, text()]));
}

/** Nesting and repetition of one thing, tens of thousands of times. */
function deep(random: SeededRandom): string {
  const unit = random.pick([
    'x {',
    'x "y" {\n',
    '(',
    '[',
    'a = ( ',
    'cluster {',
    '"',
    "'",
    '/*',
    '"\\"',
    '}',
    '<a',
    '“',
    'a = [ b = ',
    '%{',
    'x\n',
    'x = 1\n',
  ]);
  const opening = random.pick([
    '',
    'cluster { logs = [ a = "',
    'custom_logger c { delivery_format = "',
    'x = ',
  ]);
  return opening + unit.repeat(1000 + random.below(50_000));
}
