import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { legalXml } from '../../../src/console/xml.ts';
import type { VipView } from '../../../src/core/duravip/vip-view.ts';
import { fakeDuravip, participant, process, vipView } from './fake-duravip.ts';
import { fakeNode, type } from './fake-node.ts';
import { readShow, readTables, type ShownVip } from './read-show.ts';

const labrat = ['labrat-1', 'labrat-2', 'labrat-4'].map((node) => process(node));

function sample(
  last: number,
  owner: string,
  ownerAge: number,
  names: readonly number[],
  order: string,
): VipView {
  return vipView(`10.80.116.${last}`, {
    names: names.map((number) => `flowgomail-hotmail-${number}`),
    owner: process(owner),
    viewAgeMs: 5_420_400,
    ownerAgeMs: ownerAge * 1000 + 999,
    participants: order.split(' ').map((node) => participant(node, { owner: node === owner })),
  });
}

const labratVips = [
  sample(50, 'labrat-4', 5409, [50, 51, 52], 'labrat-2 labrat-1 labrat-4'),
  sample(53, 'labrat-2', 5466, [53], 'labrat-2 labrat-1 labrat-4'),
  sample(54, 'labrat-2', 5465, [54], 'labrat-2 labrat-1 labrat-4'),
];

const labratNode = fakeNode({
  duravip: () => fakeDuravip({ self: process('labrat-1').incarnation, members: labrat, all: labratVips }),
});

const golden = `DuraVIP State:
10.80.116.50/flowgomail-hotmail-50/flowgomail-hotmail-51/flowgomail-hotmail-52: (owned,safe) multivip
	[view stable for 5420 seconds]
	[configuration stable for 5409 seconds]
    	labrat-2 multivip
    	labrat-1 multivip
 *  	labrat-4 multivip
10.80.116.53/flowgomail-hotmail-53: (owned,safe) multivip
	[view stable for 5420 seconds]
	[configuration stable for 5466 seconds]
 *  	labrat-2 multivip
    	labrat-1 multivip
    	labrat-4 multivip
10.80.116.54/flowgomail-hotmail-54: (owned,safe) multivip
	[view stable for 5420 seconds]
	[configuration stable for 5465 seconds]
 *  	labrat-2 multivip
    	labrat-1 multivip
    	labrat-4 multivip
`;
const blocks = golden.split(/^(?=10)/m);

describe('cluster duravip show', () => {
  it('CMD-9 byte for byte as operators know it', async () => {
    expect(await type('cluster duravip show', labratNode)).toMatchObject({ text: golden, status: 0 });
  });

  it.each([
    ['10.80.116.53', [2]],
    ['flowgomail-hotmail-51', [1]],
    ['labrat-2', [2, 3]],
    ['labrat-1', []],
  ])('CMD-9 of %s alone', async (typed, shown) => {
    const { text } = await type(`cluster duravip show ${typed}`, labratNode);
    expect(text).toBe([blocks[0], ...shown.map((place) => blocks[place])].join(''));
  });

  it('CMD-9 names keep their case; nothing of that name', async () => {
    expect(await type('cluster duravip show FlowGoMail-hotmail-51', labratNode)).toMatchObject({
      text: 'No such VIP: FlowGoMail-hotmail-51\n',
      status: 1,
    });
    expect(await type('cluster duravip show 10.80.116.99', labratNode)).toMatchObject({
      text: 'No such VIP: 10.80.116.99\n',
      status: 1,
    });
  });

  it('STA-8, STA-16 labels, services of this node in the first line, followers after the ages', async () => {
    const services = [
      { kind: 'ecstream', endpoint: '[fd00::5]:1825' },
      { kind: 'esmtp', endpoint: '[fd00::5]:25' },
      { kind: 'esmtp', endpoint: '10.1.1.1:25' },
    ];
    const vip = vipView('fd00::5', {
      names: [],
      labels: ['unowned', 'unsafe', 'conflict', 'held', 'immature', 'stuck'],
      owner: undefined,
      participants: [
        participant('labrat-1', {
          words: ['ecstream', 'esmtp'],
          services,
          followers: ['fd00::6', '10.1.1.1'],
        }),
        participant('labrat-2', { words: ['multivip'] }),
      ],
    });
    const seenBy = (self: string) =>
      fakeNode({
        duravip: () => fakeDuravip({ self: process(self).incarnation, members: labrat, all: [vip] }),
      });
    expect((await type('cluster duravip show FD00:0::5', seenBy('labrat-1'))).text).toBe(`DuraVIP State:
fd00::5: (unowned,unsafe,conflict,held,immature,stuck) ecstream,esmtp
	[view stable for 60 seconds]
	[configuration stable for 30 seconds]
	-> 10.1.1.1 esmtp
	-> fd00::6
    	labrat-1 ecstream,esmtp
    	labrat-2 multivip
`);
    const elsewhere = (await type('cluster duravip show', seenBy('labrat-4'))).text;
    expect(elsewhere.split('\n')[1]).toBe('fd00::5: (unowned,unsafe,conflict,held,immature,stuck)');
  });

  it('CMD-10 the tables in XML: by name, then by address, one tree', async () => {
    const facts = fakeNode({
      duravip: () =>
        fakeDuravip({
          self: process('labrat-1').incarnation,
          members: labrat,
          all: [
            vipView('10.0.0.1', {
              names: ['a', 'b'],
              owner: process('labrat-4'),
              participants: [
                participant('labrat-4', { owner: true, names: ['a', 'b'], preference: ['labrat-4'] }),
              ],
            }),
          ],
        }),
    });
    const participants =
      '<ViewsForParticipants><ParticipantView><Private_Name>#ec0-00004#labrat-4</Private_Name>' +
      '<Private_Name>#ec1-00004#labrat-4</Private_Name><Node_Name>labrat-4</Node_Name><Name>a</Name><Name>b</Name>' +
      '<IP>10.0.0.1</IP><State>owned</State><Services><Service>multivip</Service></Services><Listeners></Listeners>' +
      '<Preference>labrat-4</Preference><Flags>capable</Flags></ParticipantView></ViewsForParticipants>';
    const vip = (names: string) =>
      `<VIP>${names}<IP>10.0.0.1</IP><Last_View_Change>60</Last_View_Change><State>owned,safe</State>` +
      '<Owner>labrat-4</Owner><Last_Owner_Change>30</Last_Owner_Change><Reason>elected</Reason><Preference></Preference>' +
      `<Followers></Followers>${participants}</VIP>`;
    const byIp = `<group_vips_by_ip><VIPs>${vip('<Name>a</Name><Name>b</Name>')}</VIPs></group_vips_by_ip>`;
    const tables =
      `<VIPStateTable><group_vips_by_name><VIPs>${vip('<Name>a</Name>')}${vip('<Name>b</Name>')}</VIPs>` +
      `</group_vips_by_name>${byIp}</VIPStateTable>\n`;
    expect((await type('cluster duravip show tables', facts)).text).toBe(tables);
    expect((await type('xml cluster duravip show tables', facts)).text).toBe(tables);
    expect((await type('xml cluster duravip show', facts)).text).toBe(
      `<VIPStateTable>${byIp}</VIPStateTable>\n`,
    );
  });

  it('EXT-8 the same in JSON', async () => {
    const { vips } = JSON.parse(
      (await type('json cluster duravip show flowgomail-hotmail-53', labratNode)).text,
    );
    expect(vips).toHaveLength(1);
    expect(vips[0]).toMatchObject({
      ip: '10.80.116.53',
      names: ['flowgomail-hotmail-53'],
      labels: ['owned', 'safe'],
      owner: 'labrat-2',
      viewStableSeconds: 5420,
      configurationStableSeconds: 5466,
    });
    expect(vips[0].participants[0]).toMatchObject({
      node: 'labrat-2',
      privateName: '#ec0-00002#labrat-2',
      owner: true,
      capable: true,
    });
  });

  it.each(['show a b', 'show tables now'])('CMD-20 cluster duravip %s prints its usage', async (words) => {
    const { text, status } = await type(`cluster duravip ${words}`, labratNode);
    expect(text).toMatch(/^usage: cluster duravip show/);
    expect(status).toBe(4);
  });
});

describe('what is shown can be read back', () => {
  const label = fc.subarray(['conflict', 'held', 'immature', 'stuck'] as const);
  const word = fc.oneof(
    fc.stringMatching(/^[a-zA-Z0-9._-]{1,12}$/),
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
  );
  const words = fc.uniqueArray(word, { maxLength: 3 });
  const shown = fc.record({
    names: words,
    extra: label,
    safety: fc.constantFrom('safe' as const, 'unsafe' as const, 'broken' as const),
    owner: fc.integer({ min: -1, max: 2 }),
    viewSeconds: fc.nat(1e6),
    ownerSeconds: fc.nat(1e6),
    services: fc.array(words, { minLength: 3, maxLength: 3 }),
    followers: fc.subarray(['10.1.1.1', 'fd00::7']),
  });

  function asView(place: number, one: typeof shown extends fc.Arbitrary<infer T> ? T : never): VipView {
    return vipView(place % 2 ? `10.0.0.${place}` : `fd00::${place.toString(16)}:1`, {
      names: one.names,
      labels: [one.owner < 0 ? 'unowned' : 'owned', one.safety, ...one.extra],
      owner: labrat[one.owner],
      viewAgeMs: one.viewSeconds * 1000 + 7,
      ownerAgeMs: one.ownerSeconds * 1000 + 7,
      participants: labrat.map(({ node }, i) =>
        participant(node, {
          owner: i === one.owner,
          names: one.names,
          words: one.services[i]!,
          followers: i === 0 ? one.followers : [],
        }),
      ),
    });
  }

  function expected(vip: VipView): ShownVip {
    return {
      ip: vip.ip,
      names: [...vip.names],
      labels: [...vip.labels],
      viewSeconds: Math.floor(vip.viewAgeMs / 1000),
      ownerSeconds: Math.floor(vip.ownerAgeMs / 1000),
      owner: vip.owner?.node,
      followers: [...vip.participants[0]!.followers],
      participants: vip.participants.map(({ member, words: services }) => ({
        node: member.node,
        services: [...services],
      })),
    };
  }

  it('INV-37 text and XML, whatever the names are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(shown, { maxLength: 4 }), async (all) => {
        const vips = all.map((one, place) => asView(place + 1, one));
        const facts = fakeNode({
          duravip: () => fakeDuravip({ self: process('labrat-2').incarnation, members: labrat, all: vips }),
        });
        expect(readShow((await type('cluster duravip show', facts)).text)).toEqual(vips.map(expected));
        const tables = readTables((await type('cluster duravip show tables', facts)).text);
        const legal = (texts: readonly string[]) => texts.map(legalXml);
        const wanted = vips.map(expected).map((vip) => ({
          ...vip,
          names: legal(vip.names),
          participants: vip.participants.map(({ node, services }) => ({ node, services: legal(services) })),
        }));
        expect(tables.byIp).toEqual(wanted);
        expect(tables.byName).toEqual(
          wanted.flatMap((vip) => vip.names.map((name) => ({ ...vip, names: [name] }))),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('cluster arp show', () => {
  const hosts = [
    ['10.80.116.201', '00:e0:81:63:5d:64', 8_900],
    ['10.80.116.202', '00:30:48:74:28:24', 13_000],
    ['10.80.116.203', '00:30:48:74:29:ee', 8_000],
    ['10.80.116.204', '00:e0:81:63:5c:e8', 43_000],
    ['10.80.117.2', '00:00:5e:00:01:0c', 8_000],
    ['10.80.117.25', '00:30:48:52:f9:06', 8_000],
  ].map(([ip, mac, ageMs]) => ({ ip: String(ip), mac: String(mac), ageMs: Number(ageMs) }));
  const node = fakeNode({ duravip: () => ({ ...fakeDuravip({ members: labrat }), hosts: () => hosts }) });

  it('CMD-4 byte for byte, in order of addresses', async () => {
    expect((await type('cluster arp show', node)).text).toBe(`10.80.116.201    [00:e0:81:63:5d:64]  8s
10.80.116.202    [00:30:48:74:28:24]  13s
10.80.116.203    [00:30:48:74:29:ee]  8s
10.80.116.204    [00:e0:81:63:5c:e8]  43s
10.80.117.2      [00:00:5e:00:01:0c]  8s
10.80.117.25     [00:30:48:52:f9:06]  8s
`);
  });

  it('CMD-4 an empty table prints nothing; XML and JSON', async () => {
    const empty = fakeNode({ duravip: () => fakeDuravip({ members: labrat }) });
    expect(await type('cluster arp show', empty)).toMatchObject({ text: '', status: 0 });
    expect((await type('xml cluster arp show', node)).text).toContain(
      '<Host><IP>10.80.117.2</IP><MAC>00:00:5e:00:01:0c</MAC><Age>8</Age></Host>',
    );
    expect(JSON.parse((await type('json cluster arp show', node)).text).hosts[1]).toEqual({
      ip: '10.80.116.202',
      mac: '00:30:48:74:28:24',
      ageSeconds: 13,
    });
  });
});

describe('a node without floating addresses', () => {
  it.each([
    'show',
    'show tables',
    'show 10.0.0.1',
    'move 10.0.0.1 to a',
    'announce view',
    'debug on',
    'release all',
    'resume',
    'release-hold all',
    'check',
    'plan a',
    'history',
  ])('says so when asked to cluster duravip %s', async (words) => {
    expect(await type(`cluster duravip ${words}`)).toMatchObject({
      text: 'No DuraVIP is configured.\n',
      status: 1,
    });
  });

  it('and at cluster arp show', async () => {
    expect(await type('cluster arp show')).toMatchObject({ text: 'No DuraVIP is configured.\n', status: 1 });
  });
});
