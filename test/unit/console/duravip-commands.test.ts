import { describe, expect, it } from 'vitest';
import type { DuravipFacts, NodeFacts } from '../../../src/console/facts.ts';
import type { MoveProblem } from '../../../src/core/duravip/decisions.ts';
import { type FakeDuravip, fakeDuravip, participant, process, vipView } from './fake-duravip.ts';
import { fakeNode, type } from './fake-node.ts';

const members = ['relay-1', 'relay-2', 'relay-3'].map((node) => process(node));
const [relay1, relay2] = members as [(typeof members)[0], (typeof members)[0]];
const all = [
  vipView('10.0.0.1', { names: ['mail-1'], owner: relay1, labels: ['owned', 'safe', 'held'] }),
  vipView('10.0.0.2', { names: ['mail-2', 'mail-3'], owner: relay1 }),
  vipView('10.0.0.3', { names: ['mail-4'], labels: ['unowned', 'safe'] }),
];

function node(changes: FakeDuravip = {}): NodeFacts {
  return fakeNode({ duravip: () => fakeDuravip({ self: relay1.incarnation, members, all, ...changes }) });
}

/** What was asked of the leader. */
function asking(changes: FakeDuravip = {}) {
  const asked: string[] = [];
  const nameOf: DuravipFacts['ownerOf'] = (target) =>
    members.find(({ incarnation }) => incarnation === target);
  const facts = node({
    move: (ips, target) => asked.push(`${ips.join(' ')} > ${nameOf(target)?.node}`),
    unhold: (ips) => asked.push(`unhold ${ips.join(' ')}`),
    ...changes,
  });
  return { facts, asked };
}

describe('cluster duravip move', () => {
  it.each([
    ['10.0.0.2 to relay-2', 'Moving 10.0.0.2 from relay-1 to relay-2.\n', '10.0.0.2 > relay-2'],
    ['10.0.0.2 relay-2', 'Moving 10.0.0.2 from relay-1 to relay-2.\n', '10.0.0.2 > relay-2'],
    ['mail-3 TO relay-2', 'Moving 10.0.0.2 from relay-1 to relay-2.\n', '10.0.0.2 > relay-2'],
    ['10.0.0.3 to relay-2', 'Moving 10.0.0.3 from - to relay-2.\n', '10.0.0.3 > relay-2'],
    [
      'relay-1 relay-2',
      'Moving 10.0.0.1 from relay-1 to relay-2.\nMoving 10.0.0.2 from relay-1 to relay-2.\n',
      '10.0.0.1 10.0.0.2 > relay-2',
    ],
  ])('CMD-13 CMD-14 %s', async (words, text, request) => {
    const { facts, asked } = asking();
    expect(await type(`cluster duravip move ${words}`, facts)).toMatchObject({ text, status: 0 });
    expect(asked).toEqual([request]);
  });

  it.each([
    ['10.0.0.9 to relay-2', 'No such VIP: 10.0.0.9\n'],
    ['Mail-3 to relay-2', 'No such VIP: Mail-3\n'],
    ['10.0.0.2 to relay-9', 'No such node: relay-9\n'],
    ['10.0.0.2 to relay-2.example.com', 'No such node: relay-2.example.com\n'],
    ['10.0.0.2 to', 'No such node: to\n'],
    ['relay-3 relay-2', 'relay-3 owns no VIP\n'],
  ])('CMD-14 refuses %s', async (words, text) => {
    const { facts, asked } = asking();
    expect(await type(`cluster duravip move ${words}`, facts)).toMatchObject({ text, status: 1 });
    expect(asked).toEqual([]);
  });

  it.each<[MoveProblem, string]>([
    ['not a participant', 'relay-2 does not participate in 10.0.0.2\n'],
    ['broken', '10.0.0.2 is broken\n'],
    ['already there', '10.0.0.2 is already owned by relay-2\n'],
    ['unknown', 'No such VIP: 10.0.0.2\n'],
  ])('CMD-14 the error when %s', async (problem, text) => {
    const { facts, asked } = asking({ moveProblem: () => problem });
    expect(await type('cluster duravip move 10.0.0.2 to relay-2', facts)).toMatchObject({ text, status: 1 });
    expect(asked).toEqual([]);
  });

  it.each([
    ['draining', participant('relay-2', { draining: true })],
    ['not capable', participant('relay-2', { capable: false })],
    ['suspected', participant('relay-2')],
  ])('OWN-30 a target that is %s', async (why, target) => {
    const { facts } = asking({
      all: [vipView('10.0.0.2', { owner: relay1, participants: [target] })],
      moveProblem: () => 'not eligible',
    });
    expect(await type('cluster duravip move 10.0.0.2 to relay-2', facts)).toMatchObject({
      text: `relay-2 cannot take 10.0.0.2 now: it is ${why}\n`,
      status: 1,
    });
  });

  it('CMD-14 of a node: what cannot be moved stays, and is named', async () => {
    const { facts, asked } = asking({
      moveProblem: (ip) => (ip === '10.0.0.1' ? 'not a participant' : undefined),
    });
    expect(await type('cluster duravip move relay-1 to relay-2', facts)).toMatchObject({
      text: 'relay-2 does not participate in 10.0.0.1\nMoving 10.0.0.2 from relay-1 to relay-2.\n',
      status: 0,
    });
    expect(asked).toEqual(['10.0.0.2 > relay-2']);
  });

  it.each([
    ['gathering', 'View is changing, try again.\n'],
    ['down', 'Not connected to the cluster.\n'],
  ] as const)('CMD-14, OWN-5 nothing can be moved while %s', async (state, text) => {
    const { facts, asked } = asking({ state });
    for (const words of ['move 10.0.0.2 to relay-2', 'release-hold all', 'plan relay-1']) {
      expect(await type(`cluster duravip ${words}`, facts)).toMatchObject({ text, status: 1 });
    }
    expect(asked).toEqual([]);
  });
});

describe('cluster duravip release-hold', () => {
  it.each(['10.0.0.1', 'mail-1', 'all', 'ALL'])('OWN-31 of %s', async (typed) => {
    const { facts, asked } = asking();
    expect(await type(`cluster duravip release-hold ${typed}`, facts)).toMatchObject({
      text: 'Releasing the hold on 10.0.0.1.\n',
      status: 0,
    });
    expect(asked).toEqual(['unhold 10.0.0.1']);
  });

  it('OWN-31 where there is none', async () => {
    expect(await type('cluster duravip release-hold 10.0.0.2', node())).toMatchObject({
      text: '10.0.0.2 is not held\n',
      status: 1,
    });
    expect(await type('cluster duravip release-hold nobody', node())).toMatchObject({
      text: 'No such VIP: nobody\n',
      status: 1,
    });
    expect(await type('cluster duravip release-hold all', node({ held: [] }))).toMatchObject({
      text: 'No VIP is held.\n',
      status: 0,
    });
  });
});

describe('what a node is told', () => {
  it('CMD-11 announce view', async () => {
    expect(await type('cluster duravip announce view', node())).toMatchObject({
      text: 'View announced (3 VIPs).\n',
      status: 0,
    });
    expect(await type('cluster duravip announce view', node({ state: 'gathering' }))).toMatchObject({
      status: 0,
    });
    expect(await type('cluster duravip announce view', node({ state: 'down' }))).toMatchObject({
      text: 'Not connected to the cluster.\n',
      status: 1,
    });
  });

  it('CMD-12 debug on, off, and the state', async () => {
    let debugging = false;
    const facts = fakeNode({
      duravip: () =>
        fakeDuravip({
          debugging,
          debug: (on) => {
            debugging = on;
          },
        }),
    });
    const said = async (words: string) => (await type(`cluster duravip debug${words}`, facts)).text;
    expect(await said(' on')).toBe('DuraVIP debugging is now on.\n');
    expect(await said('')).toBe('DuraVIP debugging is on.\n');
    expect(await said(' OFF')).toBe('DuraVIP debugging is now off.\n');
    expect(await said('')).toBe('DuraVIP debugging is off.\n');
    expect(await said(' maybe')).toBe('usage: cluster duravip debug {on|off}\n');
  });

  it('CMD-15 release all or one group, and resume', async () => {
    const released: (string | undefined)[] = [];
    const facts = node({
      release: (group) => {
        released.push(group);
        return group === 'nobody' ? undefined : 2;
      },
      resume: () => released.length > 0,
    });
    expect(await type('cluster duravip resume', facts)).toMatchObject({ text: 'Nothing was released.\n' });
    expect(await type('cluster duravip release all', facts)).toMatchObject({ text: 'Released 2 VIPs.\n' });
    expect(await type('cluster duravip release binding_group Bulk', facts)).toMatchObject({
      text: 'Released 2 VIPs.\n',
    });
    expect(await type('cluster duravip release binding_group nobody', facts)).toMatchObject({
      text: 'No such binding group: nobody\n',
      status: 1,
    });
    expect(await type('cluster duravip resume', facts)).toMatchObject({
      text: 'Resumed: this node takes VIPs again.\n',
    });
    expect(released).toEqual([undefined, 'Bulk', 'nobody']);
  });

  it.each([
    'release',
    'release all now',
    'release binding_group',
    'release binding_group a b',
    'resume now',
    'move 10.0.0.1',
    'move 10.0.0.1 to relay-2 now',
    'release-hold',
    'announce view now',
    'check all',
    'plan',
    'history a b',
  ])('CMD-20 cluster duravip %s prints its usage', async (words) => {
    const { text, status } = await type(`cluster duravip ${words}`, node());
    expect(text).toMatch(/^usage: cluster duravip /);
    expect(status).toBe(4);
  });
});

describe('cluster duravip plan and history', () => {
  const planned = node({
    planWithout: () => [
      { ip: '10.0.0.1', from: relay1.incarnation, to: relay2.incarnation },
      { ip: '10.0.0.2', from: relay1.incarnation, to: undefined },
    ],
  });

  it('EXT-7 what would happen without a node', async () => {
    expect((await type('cluster duravip plan relay-1', planned)).text).toBe(`Without relay-1 these would move:
	10.0.0.1 from relay-1 to relay-2
	10.0.0.2 from relay-1 to -
`);
    expect((await type('xml cluster duravip plan relay-1', planned)).text).toBe(
      '<DuraVIPPlan without="relay-1"><Change><IP>10.0.0.1</IP><From>relay-1</From><To>relay-2</To></Change>' +
        '<Change><IP>10.0.0.2</IP><From>relay-1</From><To></To></Change></DuraVIPPlan>\n',
    );
    expect(JSON.parse((await type('json cluster duravip plan relay-1', planned)).text)).toEqual({
      without: 'relay-1',
      changes: [
        { ip: '10.0.0.1', from: 'relay-1', to: 'relay-2' },
        { ip: '10.0.0.2', from: 'relay-1', to: null },
      ],
    });
    expect((await type('cluster duravip plan relay-3', node())).text).toBe(
      'Without relay-3 nothing would move.\n',
    );
    expect(await type('cluster duravip plan relay-9', node())).toMatchObject({
      text: 'No such node: relay-9\n',
      status: 1,
    });
  });

  const entry = {
    atMs: Date.UTC(2026, 10, 21, 7, 38, 32),
    view: { epoch: 7, coordinator: relay1.incarnation, nonce: 3 },
    coordinator: 'relay-1',
    ip: '10.0.0.1',
    from: { incarnation: relay2.incarnation, node: 'relay-2' },
    to: undefined,
    reason: 'orphan',
  } as const;
  const remembering = node({ history: (ip) => (ip === undefined || ip === entry.ip ? [entry] : []) });

  it('EXT-7 what has happened, with reason and view', async () => {
    const line = '[Sat 21 Nov 2026 07:38:32] 10.0.0.1 from relay-2 to - (orphan) in view 7@relay-1\n';
    expect((await type('cluster duravip history', remembering)).text).toBe(line);
    expect((await type('cluster duravip history mail-1', remembering)).text).toBe(line);
    expect((await type('cluster duravip history 10.0.0.2', remembering)).text).toBe('');
    expect((await type('cluster duravip history nobody', remembering)).text).toBe('No such VIP: nobody\n');
    expect((await type('xml cluster duravip history', remembering)).text).toBe(
      '<DuraVIPHistory><Change><Time>2026-11-21T07:38:32.000Z</Time><IP>10.0.0.1</IP><From>relay-2</From><To></To>' +
        '<Reason>orphan</Reason><View>7@relay-1</View></Change></DuraVIPHistory>\n',
    );
    expect(JSON.parse((await type('json cluster duravip history', remembering)).text).changes).toEqual([
      {
        time: '2026-11-21T07:38:32.000Z',
        ip: '10.0.0.1',
        from: 'relay-2',
        to: null,
        reason: 'orphan',
        view: { ...entry.view, coordinatorNode: 'relay-1' },
      },
    ]);
  });
});

describe('cluster duravip check', () => {
  it('CMD-16 nothing to report', async () => {
    const facts = node({ all: [vipView('10.0.0.1', { labels: ['owned', 'safe', 'immature'] })] });
    expect(await type('cluster duravip check', facts)).toMatchObject({
      text: 'No problems found.\n',
      status: 0,
    });
  });

  it('CMD-16, DVC-12 the machine, the options, and what labels mean', async () => {
    const [a, b, c] = ['relay-1', 'relay-2', 'relay-3'] as const;
    const facts = node({
      problems: async () => [
        { ip: undefined, kind: 'privilege', text: 'CAP_NET_ADMIN is missing' },
        { ip: '10.0.0.1', kind: 'interface', text: 'there is no interface eth7' },
      ],
      all: [
        vipView('10.0.0.1', {
          labels: ['unowned', 'unsafe', 'conflict'],
          participants: [
            participant(a, { words: ['multivip', 'esmtp'], preference: [a] }),
            participant(b, { words: ['multivip'], preference: [b] }),
            participant(c, { words: ['multivip', 'esmtp'] }),
          ],
        }),
        vipView('10.0.0.2', {
          names: ['x', 'y'],
          labels: ['owned', 'broken', 'held', 'stuck'],
          owner: relay1,
          participants: [participant(a, { names: ['x'] }), participant(b, { names: ['y'], stuck: true })],
        }),
        vipView('10.0.0.3', {
          names: ['x'],
          labels: ['owned', 'broken'],
          participants: [participant(a, { names: ['x'] })],
        }),
      ],
    });
    expect((await type('cluster duravip check', facts)).text).toBe(`CAP_NET_ADMIN is missing
10.0.0.1: there is no interface eth7
10.0.0.1: unowned
10.0.0.1: unsafe: services differ: relay-1, relay-3 say multivip,esmtp; relay-2 says multivip
10.0.0.1: conflict: preferences differ: relay-1 says relay-1; relay-2 says relay-2; relay-3 says nothing
10.0.0.2: broken: relay-1 says x; relay-2 says y
10.0.0.2: held: moved to relay-1 by hand; release-hold lets it move again
10.0.0.2: stuck: could not be taken off at relay-2
10.0.0.3: broken: relay-1 says x; one of these names is also on another address
`);
    expect(JSON.parse((await type('json cluster duravip check', facts)).text).findings.slice(0, 3)).toEqual([
      { ip: null, kind: 'privilege', text: 'CAP_NET_ADMIN is missing' },
      { ip: '10.0.0.1', kind: 'interface', text: 'there is no interface eth7' },
      { ip: '10.0.0.1', kind: 'unowned', text: 'unowned' },
    ]);
    expect((await type('xml cluster duravip check', facts)).text).toContain(
      '<Finding><IP>10.0.0.1</IP><Kind>unowned</Kind><Text>unowned</Text></Finding>',
    );
  });
});

describe('cluster jobs', () => {
  it('CMD-18 lists transfers and ends them', async () => {
    const aborted: string[] = [];
    const facts = fakeNode({
      jobs: () => [{ id: 'ECMMOVE-00017', kind: 'move', peer: 'relay-2', ageMs: 12_300, bytes: 48_213 }],
      abortJob: (id) => id === 'ECMMOVE-00017' && aborted.push(id) > 0,
    });
    expect((await type('cluster jobs', facts)).text).toBe(
      'ECMMOVE-00017     move      relay-2           12s  48213 bytes\n',
    );
    expect((await type('xml cluster jobs', facts)).text).toBe(
      '<Jobs><Job><Id>ECMMOVE-00017</Id><Kind>move</Kind><Peer>relay-2</Peer><Age>12</Age><Bytes>48213</Bytes></Job></Jobs>\n',
    );
    expect(JSON.parse((await type('json cluster jobs', facts)).text).jobs).toHaveLength(1);
    expect((await type('cluster jobs')).text).toBe('');
    expect(await type('cluster abort ECMMOVE-00017', facts)).toMatchObject({
      text: 'Aborted ECMMOVE-00017.\n',
      status: 0,
    });
    expect(await type('cluster abort ECMMOVE-1', facts)).toMatchObject({
      text: 'No such job: ECMMOVE-1\n',
      status: 1,
    });
    expect(await type('cluster abort', facts)).toMatchObject({
      text: 'usage: cluster abort <id>\n',
      status: 4,
    });
    expect(aborted).toEqual(['ECMMOVE-00017']);
  });
});
