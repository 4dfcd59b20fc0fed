/** Commands that show shared objects (replication 18, 21.4 - 21.6). They read; nothing here changes a table. */

import { parsePrefix } from '../../core/address.ts';
import { type Answer, failed, status, structured, usage } from '../answer.ts';
import type { NodeFacts, RowStats, SharedObjectFacts, SharedStats, SharedViewFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { asJson, asLines, asXml, filtered, maxTop, type RowBatches, type RowFilter } from '../shared-rows.ts';
import { element, escapeXml, textElement } from '../xml.ts';
import { clauses, wholeNumber } from './arguments.ts';

const listOrShow = 'cluster shared list | cluster shared show <object> [from <node>]';
const show =
  'cluster shared show <object> [from <node>] [under <prefix>] [key <pattern>] [min <count>] [top <rows>] [json]';

/** A name in the DNS has at most 253 characters, a binding before it some more. */
const maxPatternLength = 1000;

export function sharedCommands(facts: NodeFacts): readonly Command[] {
  return [
    {
      words: 'cluster shared list',
      usage: 'cluster shared list',
      help: 'the shared objects of this node',
      impact: 'read',
      run: (args) => (args.length === 0 ? list(facts.sharedObjects()) : usage(listOrShow)),
    },
    {
      words: 'cluster shared show',
      usage: show,
      help: 'the rows of a shared object: summed over the cluster, or as one node counts',
      impact: 'read',
      run: (args) => showObject(facts, args),
    },
    onObjects(facts, 'verify', 'own copy of each row against the digest its owner sent', verify),
    onObjects(
      facts,
      'stats',
      'pending changes, batches, snapshots, gaps and lag of the shared objects',
      stats,
    ),
  ];
}

function list(objects: readonly SharedObjectFacts[]): Answer {
  const described = objects.map(({ name, kind, snapped }) => ({
    name,
    kind,
    lazy: true,
    snapshots: snapped,
  }));
  return structured({
    text: () =>
      `Currently managed objects:\n${described
        .map(
          ({ name, kind, snapshots }) =>
            `${name.padStart(30)} [lazy, ${kind}${snapshots ? ' w/ snapshots' : ''}]\n`,
        )
        .join('')}`,
    xml: () =>
      element(
        'SharedObjects',
        described.map(({ name, kind, snapshots }) =>
          element('Object', [
            textElement('Name', name),
            textElement('Kind', kind),
            textElement('Lazy', true),
            textElement('Snapshots', snapshots),
          ]),
        ),
      ),
    json: () => ({ objects: described }),
  });
}

/**
 * The singular is what operators type (replication 5.17), the plural what they configure; an object that really has
 * the singular name goes first.
 */
function find(facts: NodeFacts, typed: string): SharedObjectFacts | undefined {
  const objects = facts.sharedObjects();
  const configured = typed === 'outbound_domain' ? 'outbound_domains' : typed;
  return objects.find(({ name }) => name === typed) ?? objects.find(({ name }) => name === configured);
}

function noSuchObject(typed: string): Answer {
  return failed(`no such shared object '${typed}'`);
}

function showObject(facts: NodeFacts, args: readonly string[]): Answer {
  const [typed, ...rest] = args;
  if (typed === undefined) return usage(listOrShow);
  const inJson = rest.at(-1)?.toLowerCase() === 'json' && rest.length % 2 === 1;
  const options = showOptions(inJson ? rest.slice(0, -1) : rest);
  if (!options) return usage(show);
  const object = find(facts, typed);
  if (!object) return noSuchObject(typed);
  const problem = underProblem(options.under, object);
  if (problem !== undefined) return failed(problem);
  const view = object.view(options.from);
  if (!view) return failed(`no view of '${typed}' from node '${options.from}'`);
  const answer = shown(typed, object, view, filtered(view.rows(options.under), object.kind, options));
  return inJson ? { ...answer, text: () => chain('', answer.json(), '\n') } : answer;
}

function underProblem(under: string | undefined, { name, kind }: SharedObjectFacts): string | undefined {
  if (under === undefined) return undefined;
  if (kind !== 'cidrtree') return `'${name}' is a ${kind}: 'under' needs prefixes as keys`;
  return parsePrefix(under) ? undefined : `'${under}' is no prefix such as 10.0.0.0/24`;
}

interface ShowOptions extends RowFilter {
  readonly from: string | undefined;
  readonly under: string | undefined;
}

function showOptions(words: readonly string[]): ShowOptions | undefined {
  const given = clauses(words, ['from', 'under', 'key', 'min', 'top']);
  if (!given) return undefined;
  const minCount = given.min === undefined ? undefined : wholeNumber(given.min, 0, Number.MAX_SAFE_INTEGER);
  const top = given.top === undefined ? undefined : wholeNumber(given.top, 1, maxTop);
  if ((given.min !== undefined && minCount === undefined) || (given.top !== undefined && top === undefined))
    return undefined;
  if (given.key !== undefined && given.key.length > maxPatternLength) return undefined;
  return { from: given.from, under: given.under, keyPattern: given.key, minCount, top };
}

/** The header carries the name as typed, which may be an alias (replication 5.17). */
function shown(typed: string, object: SharedObjectFacts, view: SharedViewFacts, rows: RowBatches) {
  const { kind, snapped } = object;
  const start = { object: typed, kind, lazy: true, snapshots: snapped, view: view.label };
  return {
    status: status.ok,
    text: () =>
      chain(
        `lazy, ${snapped ? 'snapped ' : ''}${kind} '${typed}', view '${view.label}'\n`,
        asLines(rows, kind),
        '',
      ),
    xml: () =>
      chain(
        `<SharedObject name="${escapeXml(typed)}" kind="${kind}" view="${escapeXml(view.label)}">`,
        asXml(rows),
        '</SharedObject>',
      ),
    json: () => chain(`${JSON.stringify(start).slice(0, -1)},"rows":[`, asJson(rows), ']}'),
  };
}

async function* chain(start: string, rows: AsyncIterable<string>, end: string): AsyncGenerator<string> {
  yield start;
  yield* rows;
  yield end;
}

/** A command on one object, or on all when none is named. */
function onObjects(
  facts: NodeFacts,
  word: string,
  help: string,
  run: (objects: readonly SharedObjectFacts[]) => Answer,
): Command {
  const words = `cluster shared ${word}`;
  const syntax = `${words} [<object>]`;
  return {
    words,
    usage: syntax,
    help,
    impact: 'read',
    run: ([typed, ...more]) => {
      if (more.length > 0) return usage(syntax);
      if (typed === undefined) return run(facts.sharedObjects());
      const object = find(facts, typed);
      return object ? run([object]) : noSuchObject(typed);
    },
  };
}

/** A line for each row: object, origin, `match`, `differ` or `unknown`. */
function verify(objects: readonly SharedObjectFacts[]): Answer {
  const verdicts = objects.flatMap((object) =>
    object.verify().map(({ origin, verdict }) => ({ object: object.name, origin, verdict })),
  );
  return structured({
    text: () =>
      verdicts.map(({ object, origin, verdict }) => `${object.padStart(30)} ${origin} ${verdict}\n`).join(''),
    xml: () =>
      element(
        'SharedVerify',
        verdicts.map(({ object, origin, verdict }) =>
          element('Row', [
            textElement('Object', object),
            textElement('Origin', origin),
            textElement('Verdict', verdict),
          ]),
        ),
      ),
    json: () => ({ rows: verdicts }),
  });
}

function stats(objects: readonly SharedObjectFacts[]): Answer {
  const figures = objects.map((object) => ({ name: object.name, ...object.stats() }));
  return structured({
    text: () => figures.map((object) => (isOfRows(object) ? rowBlock(object) : otherBlock(object))).join(''),
    xml: () => element('SharedStats', figures.map(statsElement)),
    json: () => ({ objects: figures }),
  });
}

function isOfRows(stats: SharedStats & { name: string }): stats is RowStats & { name: string } {
  return 'rolledUp' in stats;
}

/** `waitingCallers` -> `waiting callers` */
function otherBlock({ name, origins: _, ...figures }: SharedStats & { name: string }): string {
  const described = Object.entries(figures).map(
    ([figure, value]) => `${figure.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}: ${value}`,
  );
  return `${name}\n\t[${described.join(', ')}]\n`;
}

function rowBlock(object: RowStats & { name: string }): string {
  const { keys, ownKeys, rolledUp, refused, anomalies, overflows, pending, oldestPendingMs } = object;
  const { batchesSent, snapshotsSent, batchesReceived, snapshotsReceived, gaps, differences, drops } = object;
  const lines = [
    object.name,
    `\t[keys: ${keys}, own ${ownKeys}, rolled up ${rolledUp}, refused ${refused}]`,
    `\t[anomalies: ${anomalies} below zero, ${overflows} overflows]`,
    `\t[pending: ${pending} changes, oldest ${seconds(oldestPendingMs)}]`,
    `\t[sent: ${batchesSent} batches, ${snapshotsSent} snapshots]`,
    `\t[received: ${batchesReceived} batches, ${snapshotsReceived} snapshots, ${gaps} gaps, ${differences} differences, ${drops} drops]`,
    ...object.origins.map(
      ({ origin, state, keys, sequence, lastMessageAgeMs }) =>
        `\t[from '${origin}': ${state}, ${keys} keys, batch ${sequence}, ${seconds(lastMessageAgeMs)} ago]`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The figures under their names of the JSON form, as `ownKeys` -> `Own_Keys`. */
function statsElement({ origins, ...figures }: SharedStats & { name: string }): string {
  return element('Object', [
    ...figureElements(figures),
    ...origins.map((origin) => element('Row', figureElements(origin))),
  ]);
}

function figureElements(figures: object): string[] {
  return Object.entries(figures).map(([name, figure]) =>
    textElement(
      name.replace(/^[a-z]/, (first) => first.toUpperCase()).replace(/(?<=[a-z])[A-Z]/g, '_$&'),
      figure,
    ),
  );
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
