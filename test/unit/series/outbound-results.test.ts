/** What became of outbound messages, of all nodes where the word for it is replicated (replication 8.7). */
import { describe, expect, it } from 'vitest';
import { OutboundResults, outboundResults } from '../../../src/core/series/outbound-results.ts';
import { Nodes } from './nodes.ts';

describe('outbound results', () => {
  it('REP-8.7 are counted by destination domain for an hour, over all nodes as far as they are replicated', () => {
    const nodes = new Nodes();
    const both = [nodes.add(), nodes.add()];
    const results = both.map(({ table }) => new OutboundResults([[table, new Set(['delivery'])]]));
    nodes.view();
    for (const node of results) {
      for (const result of outboundResults) node.count(result, 'Example.COM.', 2);
      node.count('delivery', 'other.example');
    }
    nodes.rest();
    const last = (minutes: number) =>
      results.map((node) =>
        outboundResults.map((result) => node.during(result, 'example.com', 0, minutes - 1)),
      );
    const seen = [4, 2, 2];
    expect(last(60)).toEqual([seen, seen]);
    nodes.nowMs += 58 * 60_000;
    expect(last(60)).toEqual([seen, seen]);
    expect(last(50)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    nodes.nowMs += 2 * 60_000;
    expect(last(60)).toEqual(last(50));
    expect(() => results[0]!.during('delivery', 'example.com', 0, 60)).toThrow();
  });
});
