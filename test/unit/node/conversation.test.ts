import { describe, expect, it } from 'vitest';
import { leaderOf } from '../../../src/core/view.ts';
import { Conversation } from '../../../src/node/conversation.ts';
import { Fleet } from '../actors/fleet.ts';
import { bytes, Speaker } from '../actors/speaker.ts';
import { Recorder } from '../recorder.ts';

/** A node alone, whose program talks to itself. */
function soliloquy() {
  const recorder = new Recorder();
  const conversation = new Conversation(() => ['ec_cluster'], recorder.log);
  const fleet = new Fleet();
  const speaker = new Speaker(fleet, fleet.start('a'));
  const { membership } = speaker.sailor;
  speaker.received = (...heard) => conversation.received(...heard);
  const follow = () => conversation.follow(membership, speaker.programs);
  return { conversation, recorder, speaker, fleet, follow, leader: leaderOf(membership.view) };
}

describe('what a program says and hears', () => {
  it('API-11 what is joined before the node has joined is joined with it; nothing can be said until then', async () => {
    const { conversation, speaker, follow } = soliloquy();
    await conversation.join('g', 'fast');
    await expect(conversation.multicast('g', bytes('x'), 'total')).rejects.toMatchObject({
      code: 'FLT-1204',
    });
    follow();
    expect(speaker.programs.groups.of(speaker.sailor.incarnation).get('g')).toBe('fast');
    await conversation.leave('g');
    expect(speaker.members('g')).toBe('');
  });

  it('API-11 BUS-7 who does not want to hear itself does not', async () => {
    const { conversation, follow } = soliloquy();
    const all: string[] = [];
    const others: string[] = [];
    conversation.onMulticast('g', (_, { node, own }) => all.push(`${node} ${own}`), {});
    conversation.onMulticast('g', (_, { node }) => others.push(node), { own: false });
    follow();
    await conversation.join('g', '');
    await conversation.multicast('g', bytes('x'), 'total');
    expect([all, others]).toEqual([['a true'], []]);
  });

  it('API-11 a listener that throws keeps nothing from the others, and stops hearing when it is taken away', async () => {
    const { conversation, follow, recorder } = soliloquy();
    let heard = 0;
    const bad = conversation.onMulticast(
      'g',
      () => {
        throw new Error('no');
      },
      {},
    );
    conversation.onMulticast('g', () => heard++, {});
    follow();
    await conversation.join('g', '');
    await conversation.multicast('g', bytes('x'), 'total');
    bad();
    await conversation.multicast('g', bytes('x'), 'total');
    expect(heard).toBe(2);
    expect(recorder.texts('error')).toEqual([
      'error: a listener of the program to the group g failed: Error: no',
    ]);
  });

  it('FLT-1206 FLT-1305 names of groups, their number and capabilities have bounds', async () => {
    const { conversation } = soliloquy();
    for (const group of ['', 'a.b', 'x'.repeat(65), 'ec_cluster'])
      await expect(conversation.join(group, '')).rejects.toMatchObject({ code: 'FLT-1206' });
    expect(() => conversation.onMulticast('a b', () => {}, {})).toThrow(
      expect.objectContaining({ code: 'FLT-1206' }),
    );
    await expect(conversation.join('g', 'x'.repeat(1_025))).rejects.toMatchObject({ code: 'FLT-1305' });
    for (let i = 0; i < 64; i++) await conversation.join(`g${i}`, '');
    await expect(conversation.join('more', '')).rejects.toMatchObject({ code: 'FLT-1305' });
    await conversation.join('g1', 'again');
    await expect(conversation.requestStats('x'.repeat(257), 1)).rejects.toMatchObject({ code: 'FLT-1204' });
  });

  it('API-13 the first handler that has something to say answers', async () => {
    const { conversation, follow, leader } = soliloquy();
    follow();
    conversation.onStatsRequest(() => undefined);
    const first = conversation.onStatsRequest(async (what) => bytes(`first of ${what}`));
    conversation.onStatsRequest(() => bytes('second'));
    expect(await conversation.stats('queues', leader!)).toEqual(bytes('first of queues'));
    first();
    expect(await conversation.stats('queues', leader!)).toEqual(bytes('second'));
  });
});
