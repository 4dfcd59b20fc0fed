/** The examples of docs/guides/aggregation.md do what the guide says (logging 12). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { logsOf } from '../../../src/core/logs/aggregation.ts';
import { OutputPattern } from '../../../src/core/logs/output-pattern.ts';
import { localTime } from '../../../src/core/logs/strftime.ts';
import { checkText, settingsOf } from '../config/checked.ts';

const guide = readFileSync(join(import.meta.dirname, '../../../docs/guides/aggregation.md'), 'utf8');
const examples = [...guide.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);

function example(word: string): string {
  const found = examples.find((text) => text.includes(word));
  if (found === undefined) throw new Error(`the guide has no example with ${word}`);
  return found;
}

function logs(text: string, manager: string, node: string, subcluster: string) {
  const { aggregation } = settingsOf(text);
  if (!aggregation) throw new Error('there is no Logs');
  return logsOf(aggregation, manager, node, subcluster);
}

describe('docs/guides/aggregation.md', () => {
  it('every example is a valid configuration, without a warning that an operator would wonder about', () => {
    expect(examples).toHaveLength(6);
    for (const text of examples) {
      const { findings } = checkText(text);
      const wondered = findings.filter(({ code }) => code !== 'CFG-2314');
      expect([text, wondered]).toEqual([text, []]);
    }
    // The nodes offer exactly what they write.
    expect(checkText(example('logs = [')).findings).toEqual([]);
  });

  it('LOG-12: one manager, and the two forms of one for each subcluster', () => {
    expect(logs(example('nodename = barca'), 'barca', 'node1', 'x').subscribers).toEqual(['barca', 'master']);
    for (const word of ['Subcluster "west"', 'Node "west1"']) {
      const pulls = (manager: string, node: string) =>
        logs(example(word), manager, node, node.slice(0, 4)).subscribers.length > 0;
      const table = ['east1', 'east2', 'west1', 'west2'].map((node) => [
        pulls('eastmgr', node),
        pulls('westmgr', node),
      ]);
      expect(table).toEqual([
        [true, false],
        [true, false],
        [false, true],
        [false, true],
      ]);
    }
  });

  it('the paths and arguments that it promises', () => {
    const utc = { at: () => ({ offsetS: 0, name: 'UTC' }) };
    const time = localTime(Date.UTC(2024, 2, 7) / 1000, utc);
    const names = { log: 'mainlog', node: 'node1', subcluster: 'mycluster' };
    const expand = (text: string) =>
      new OutputPattern(logs(text, 'm', 'node1', 's').logfile).expand(names, time);
    expect(guide).toContain(expand(example('nodename = barca')).path);
    expect([...expand(example('shovel')).parameters.values()]).toEqual(['mainlog', 'node1', '2024-03-07']);
  });
});
