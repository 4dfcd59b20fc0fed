/** Two aggregators of the same logs (logging 17.9). */
import { describe, expect, it } from 'vitest';
import { SimulatedDisk } from '../journal/simulated-disk.ts';
import { aggregateOn, baseS, record, source } from './aggregates.ts';

describe('LOG-17.9 two managers', () => {
  it('with two names and %{n} in the pattern write the same bytes, however the lines reach them', async () => {
    const nodes = ['a', 'b', 'c'];
    const pullAll = async (subscriber: string, lengths: readonly number[], parallel: boolean) => {
      const disk = new SimulatedDisk();
      const store = aggregateOn(disk.process(), 'logfile = "/%d/%{l}/%{s}/%{n}"', { manager: subscriber });
      let step = 0;
      const pullNode = async (node: string) => {
        const records = Array.from({ length: 300 }, (_, n) =>
          record(n + 1, `${node} ${n}${n % 2 ? '\n' : ''}`, baseS + n * 977),
        );
        for (let at = 0; at < records.length; ) {
          const length = lengths[step++ % lengths.length]!;
          // Some of it comes twice.
          await store.store(source(node, { subscriber }), records.slice(Math.max(at - 3, 0), at + length));
          at += length;
        }
      };
      if (parallel) await Promise.all(nodes.map(pullNode));
      else for (const node of nodes) await pullNode(node);
      const days = Array.from({ length: 31 }, (_, n) => String(n + 1).padStart(2, '0'));
      const paths = days.flatMap((day) => nodes.map((node) => `/${day}/mainlog/default/${node}`));
      return paths.flatMap((path) => {
        const content = disk.content(path);
        return content ? [[path, content.toString()]] : [];
      });
    };
    const first = await pullAll('mgr1', [7], true);
    expect(first.length).toBeGreaterThan(9);
    expect(await pullAll('mgr2', [1, 30, 4, 111], false)).toEqual(first);
  });
});
