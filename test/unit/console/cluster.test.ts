import { describe, expect, it } from 'vitest';
import { fakeNode, member, type } from './fake-node.ts';

describe('cluster commands', () => {
  it('CMD-5 cluster help lists the cluster commands', async () => {
    const { text } = await type('cluster help');
    expect(
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('  ')[0]),
    ).toEqual([
      'cluster abort',
      'cluster arp show',
      'cluster duravip announce view',
      'cluster duravip check',
      'cluster duravip debug',
      'cluster duravip history',
      'cluster duravip move',
      'cluster duravip plan',
      'cluster duravip release',
      'cluster duravip release-hold',
      'cluster duravip resume',
      'cluster duravip show',
      'cluster duravip show tables',
      'cluster help',
      'cluster info',
      'cluster jobs',
      'cluster logs drop-subscriber',
      'cluster membership',
      'cluster nodeaddr',
      'cluster nodename',
      'cluster reset',
      'cluster shared list',
      'cluster shared show',
      'cluster shared stats',
      'cluster shared verify',
      'cluster show logs',
    ]);
  });

  it('CMD-6 ID-8 cluster nodename and nodeaddr', async () => {
    expect((await type('cluster nodename')).text).toBe('labrat-1\n');
    expect((await type('cluster nodeaddr')).text).toBe('10.80.116.201:4802\n');
    expect((await type('cluster nodeaddr', fakeNode({ address: 'fd00::1' }))).text).toBe('[fd00::1]:4802\n');
    expect((await type('json cluster nodename')).text).toBe('{"nodeName":"labrat-1"}\n');
    expect((await type('xml cluster nodeaddr')).text).toBe(
      '<Node_Address>10.80.116.201:4802</Node_Address>\n',
    );
  });

  it('CMD-7 REP-18.8 cluster info, byte for byte', async () => {
    expect(
      (await type('cluster info')).text,
    ).toBe(`Daemon: nats://127.0.0.1:4222 [m:#ec0-22787#labrat-1,s:#ec1-22787#labrat-1]
Control Group: ec_console
Cluster Group: ec_cluster (labrat-4 is leader)
Logger Group: none
`);
  });

  it('CMD-7 -v adds the view; MEM-12 no leader; a log group is named', async () => {
    const facts = fakeNode({
      logGroup: 'ec_log',
      view: () => ({
        epoch: 12,
        coordinator: 'labrat-1',
        nodeCount: 1,
        state: 'agreeing',
        leader: undefined,
      }),
    });
    expect(
      (await type('cluster info -v', facts)).text,
    ).toBe(`Daemon: nats://127.0.0.1:4222 [m:#ec0-22787#labrat-1,s:#ec1-22787#labrat-1]
Control Group: ec_console
Cluster Group: ec_cluster (no leader)
Logger Group: ec_log
View: 12@labrat-1 (1 nodes, agreeing)
`);
  });

  it('CMD-7 a missing connection prints a dash', async () => {
    const without = (missing: string) =>
      fakeNode({
        link: (name) =>
          missing.includes(name) ? { privateName: undefined, server: undefined } : fakeNode().link(name),
      });
    const daemon = async (missing: string) =>
      (await type('cluster info', without(missing))).text.split('\n')[0];
    expect(await daemon('s')).toBe('Daemon: nats://127.0.0.1:4222 [m:#ec0-22787#labrat-1,s:-]');
    expect(await daemon('m')).toBe('Daemon: nats://127.0.0.1:4222 [m:-,s:#ec1-22787#labrat-1]');
    expect(await daemon('ms')).toBe('Daemon: - [m:-,s:-]');
  });

  it('CMD-7 cluster info in JSON and XML', async () => {
    expect(JSON.parse((await type('json cluster info')).text)).toEqual({
      server: 'nats://127.0.0.1:4222',
      links: { m: '#ec0-22787#labrat-1', s: '#ec1-22787#labrat-1' },
      controlGroup: 'ec_console',
      clusterGroup: 'ec_cluster',
      leader: 'labrat-4',
      logGroup: null,
      view: { epoch: 7, coordinator: 'labrat-4', nodeCount: 3, state: 'settled' },
    });
    expect((await type('xml cluster info')).text).toBe(
      '<ClusterInfo><Server>nats://127.0.0.1:4222</Server><Membership_Name>#ec0-22787#labrat-1</Membership_Name>' +
        '<Shared_Name>#ec1-22787#labrat-1</Shared_Name><Control_Group>ec_console</Control_Group>' +
        '<Cluster_Group>ec_cluster</Cluster_Group><Leader>labrat-4</Leader><Logger_Group></Logger_Group>' +
        '<View><Epoch>7</Epoch><Coordinator>labrat-4</Coordinator><Node_Count>3</Node_Count><State>settled</State></View></ClusterInfo>\n',
    );
  });

  it.each(['-x', '-v -v', 'verbose'])('CMD-20 cluster info %s prints its usage', async (args) => {
    expect(await type(`cluster info ${args}`)).toMatchObject({
      text: 'usage: cluster info [-v]\n',
      status: 4,
    });
  });

  const members = [
    member(),
    member({ privateName: '#ec0-08422#uhalehe', node: 'uhalehe', address: '10.79.0.15' }),
    member({
      privateName: '#barca#barca',
      node: undefined,
      subcluster: undefined,
      type: 'Manager',
      address: undefined,
      port: undefined,
      groups: ['ec_cluster'],
    }),
  ];

  it('CMD-8 cluster membership, byte for byte, with the placeholders of MEM-2', async () => {
    expect(
      (await type('cluster membership', fakeNode({ members: () => members }))).text,
    ).toBe(`Private Name: #ec0-20768#pono
Node Name: pono
Subcluster: default
Node Type: Momentum
Version: 3.0.10.30663 r(30669)
Address: 10.79.0.20:4802
Groups: ec_console, ec_sc_default, ec_cluster

Private Name: #ec0-08422#uhalehe
Node Name: uhalehe
Subcluster: default
Node Type: Momentum
Version: 3.0.10.30663 r(30669)
Address: 10.79.0.15:4802
Groups: ec_console, ec_sc_default, ec_cluster

Private Name: #barca#barca
Node Name: (Null)
Subcluster: (Null)
Node Type: Manager
Version: 3.0.10.30663 r(30669)
Address: 0.0.0.0:0
Groups: ec_cluster
`);
  });

  it('MEM-3 a member of which nothing but the name is known is listed', async () => {
    const unknown = member({
      node: undefined,
      subcluster: undefined,
      version: undefined,
      address: undefined,
      port: undefined,
      groups: [],
    });
    expect(
      (await type('cluster membership', fakeNode({ members: () => [unknown] }))).text,
    ).toBe(`Private Name: #ec0-20768#pono
Node Name: (Null)
Subcluster: (Null)
Node Type: Momentum
Version: (Null)
Address: 0.0.0.0:0
Groups: ${''}
`);
  });

  it('MEM-4 a disconnected node lists nobody', async () => {
    const facts = fakeNode({ members: () => [] });
    expect(await type('cluster membership', facts)).toMatchObject({ text: '', status: 0 });
    expect((await type('xml cluster membership', facts)).text).toBe(
      '<ClusterMembership></ClusterMembership>\n',
    );
    expect((await type('json cluster membership', facts)).text).toBe('{"members":[]}\n');
  });

  it('CMD-8 cluster membership in XML and JSON', async () => {
    const facts = fakeNode({ members: () => [member({ version: '<1>&' })] });
    expect((await type('xml cluster membership', facts)).text).toBe(
      '<ClusterMembership><Member><Private_Name>#ec0-20768#pono</Private_Name><Node_Name>pono</Node_Name>' +
        '<Subcluster>default</Subcluster><Node_Type>Momentum</Node_Type><Version>&lt;1&gt;&amp;</Version>' +
        '<Address>10.79.0.20:4802</Address><Groups><Group>ec_console</Group><Group>ec_sc_default</Group>' +
        '<Group>ec_cluster</Group></Groups></Member></ClusterMembership>\n',
    );
    expect(JSON.parse((await type('json cluster membership', facts)).text)).toEqual({
      members: [
        {
          privateName: '#ec0-20768#pono',
          nodeName: 'pono',
          subcluster: 'default',
          nodeType: 'Momentum',
          version: '<1>&',
          address: '10.79.0.20:4802',
          groups: ['ec_console', 'ec_sc_default', 'ec_cluster'],
        },
      ],
    });
  });

  it('CMD-17 cluster reset resets and asks nothing', async () => {
    let resets = 0;
    const facts = fakeNode({ reset: () => resets++ });
    expect(await type('cluster reset', facts)).toMatchObject({
      text: 'Resetting cluster membership.\n',
      status: 0,
    });
    expect(await type('cluster reset now', facts)).toMatchObject({
      text: 'usage: cluster reset\n',
      status: 4,
    });
    expect(resets).toBe(1);
  });

  it.each(['cluster', 'cluster nothing', 'cluster shared', 'cluster shared nothing'])(
    'CMD-20 %j is an unknown command',
    async (line) => {
      expect(await type(line)).toMatchObject({ text: 'Unknown command\n', status: 2 });
    },
  );
});
