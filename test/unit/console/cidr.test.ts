/** Questions to the files of series on a console (replication 12). */
import { describe, expect, it } from 'vitest';
import type { CidrQuery } from '../../../src/core/series/cidr-query.ts';
import { fakeNode, type as typed } from './fake-node.ts';

describe('cidr', () => {
  it('REP-12.2 asks the files of the node, and prints what they say', async () => {
    const asked: CidrQuery[] = [];
    async function* ask(query: CidrQuery) {
      asked.push(query);
      yield '10.79.18.1/32      :     35217\n';
      return undefined;
    }
    const say = async (line: string) => await typed(line, fakeNode({ journals: { ask } }));
    expect(await say('cidr show count for 10.79.0.0/16 in union(spam, virus) limit 1')).toMatchObject({
      text: '10.79.18.1/32      :     35217\n',
      status: 0,
    });
    await say('cidr show available');
    await say('cidr cache details');
    expect(asked).toMatchObject([
      { kind: 'count', series: ['spam', 'virus'], isUnion: true, limit: 1 },
      { kind: 'available' },
      { kind: 'cache' },
    ]);
  });

  it('REP-12.8 says what is wrong', async () => {
    const say = async (line: string) => await typed(line, fakeNode({}));
    expect(await say('cidr show available')).toMatchObject({
      text: expect.stringMatching(/^error: \/nowhere: ENOENT.*\n$/),
      status: 0,
    });
    const { text, status } = await say('cidr show count for 10.0.0.0/8 spam');
    expect(text).toMatch(
      /^error: 'in' is expected instead of 'spam'\nusage: cidr show count for <ip\/mask> in /,
    );
    expect(status).toBe(1);
  });
});
