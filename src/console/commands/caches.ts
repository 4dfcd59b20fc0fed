/** Caches: their statistics, and how to empty one (replication 14.6, 14.7, 18.9). */
import {
  type CacheCounts,
  cacheRow,
  queryCacheHeading,
  queryCacheRow,
} from '../../core/cache/cache-counts.ts';
import { type Answer, failed, said, structured, usage } from '../answer.ts';
import type { CacheFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, textElement } from '../xml.ts';
import { withoutArguments } from './arguments.ts';

const flushSyntax = 'ds_core flush <cache>';

export function cacheCommands(facts: NodeFacts): readonly Command[] {
  const datasources = () => facts.caches().filter(({ kind }) => kind === 'ds_core');
  const listed = () => facts.caches().map(({ kind, name, counts }) => ({ name: `${kind}:${name}`, counts }));
  const allStats = (words: string) =>
    withoutArguments(words, 'lookups and deletions of all caches', 'read', () => stats(listed(), oneLine));
  return [
    withoutArguments('ds_core stats', 'lookups and deletions of the query caches', 'read', () =>
      stats(datasources(), twoLines),
    ),
    {
      words: 'ds_core flush',
      usage: flushSyntax,
      help: 'empty a cache on this node',
      impact: 'write',
      run: async ([name, ...more]) => {
        if (name === undefined || more.length > 0) return usage(flushSyntax);
        const entries = await facts.flushCache(name);
        if (entries === undefined) return failed(`no such cache '${name}'`);
        return said(`flushed ${entries} entries from cache '${name}'`);
      },
    },
    withoutArguments('cache list', 'the caches of this node', 'read', () => list(listed())),
    allStats('cache stats'),
    allStats('cache stat'),
  ];
}

type Named = Pick<CacheFacts, 'name' | 'counts'>;

function list(caches: readonly Named[]): Answer {
  return structured({
    text: () => caches.map(({ name }) => `${name}\n`).join(''),
    xml: () =>
      element(
        'Caches',
        caches.map(({ name }) => textElement('Name', name)),
      ),
    json: () => ({ caches: caches.map(({ name }) => name) }),
  });
}

function stats(caches: readonly Named[], line: (cache: Named) => string): Answer {
  return structured({
    text: () => queryCacheHeading + caches.map(line).join(''),
    xml: () =>
      element(
        'CacheStats',
        caches.map(({ name, counts }) =>
          element('Cache', [textElement('Name', name), ...Object.entries(counts).map(figure)]),
        ),
      ),
    json: () => ({ caches: caches.map(({ name, counts }) => ({ name, ...counts })) }),
  });
}

function figure([name, value]: [string, CacheCounts[keyof CacheCounts]]): string {
  return textElement(
    name.replace(/^[a-z]/, (first) => first.toUpperCase()),
    value,
  );
}

function twoLines({ name, counts }: Named): string {
  return `${name}\n${queryCacheRow(counts)}\n`;
}

function oneLine({ name, counts }: Named): string {
  return `${cacheRow(name, counts)}\n`;
}
