/** What floats, where it goes, and what is refused (spec 5.1 to 5.3). */
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../../src/core/address.ts';
import { checkText, codes, settingsOf } from './checked.ts';

const marked = 'enable_duravip = true';
const topology = 'cluster { Topology "10.1.0.0/16" { interface = eth0 } }';

const vipsOf = (text: string) => settingsOf(`${topology}\n${text}`).duravip.vips;
const said = (text: string) => vipsOf(text).map(({ announcement }) => announcement);
const errorsOf = (text: string) =>
  checkText(`${topology}\n${text}`)
    .findings.filter(({ severity }) => severity === 'error')
    .map(({ code, message }) => `${code} ${message}`);
const warningsOf = (text: string) =>
  checkText(`${topology}\n${text}`)
    .findings.filter(({ severity }) => severity === 'warning')
    .map(({ code, message }) => `${code} ${message}`);

describe('DVC-4 which addresses float', () => {
  it('DVC-20 marked bindings, in groups and outside, and marked listeners of every kind', () => {
    const vips = said(`
      TCP_Listener { Listen "10.1.0.10:80" { ${marked} } }
      Control_Listener { Listen "10.1.0.9:2025" { ${marked} } }
      Binding_Group "west" { Binding "West-1" { bind_address = 10.1.0.2 ${marked} } }
      Binding "East-1" { bind_address = "10.1.0.1" ${marked} }
      Binding "none" { bind_address = 10.1.0.3 }
      Binding "off" { bind_address = 10.1.0.4 enable_duravip = false }`);
    // In canonical order, and names in their own case.
    expect(vips).toEqual([
      { ip: '10.1.0.1', names: ['East-1'], services: [], preference: [], followers: [] },
      { ip: '10.1.0.2', names: ['West-1'], services: [], preference: [], followers: [] },
      {
        ip: '10.1.0.9',
        names: [],
        services: [{ kind: 'control', endpoint: '10.1.0.9:2025' }],
        preference: [],
        followers: [],
      },
      {
        ip: '10.1.0.10',
        names: [],
        services: [{ kind: 'tcp', endpoint: '10.1.0.10:80' }],
        preference: [],
        followers: [],
      },
    ]);
  });

  it('DVC-7 a listener of any kind can carry the marks', () => {
    const kinds = ['ESMTP_Listener', 'TCP_Listener', 'Control_Listener', 'ECCluster_Listener'];
    const listen = (kind: string, n: number) => `${kind} {
      Listen "10.1.0.${n}:99" { ${marked} duravip_preference = n1 }
      Listen "10.1.1.${n}:99" { duravip_follow = b }
    }`;
    const vips = said(`${kinds.map(listen).join('\n')} Binding b { bind_address = 10.1.9.9 ${marked} }`);
    expect(
      vips.map(({ services, preference }) => [services.map(({ kind }) => kind).join(), preference]),
    ).toEqual([...['esmtp', 'tcp', 'control', 'eccluster'].map((kind) => [kind, ['n1']]), ['', []]]);
    expect(vips.at(-1)!.followers).toEqual(kinds.map((_, n) => `10.1.1.${n}`));
  });

  it('DVC-9 bindings that share an address are one address with several names; a group may state it', () => {
    const vips = said(`
      Binding_Group g { bind_address = 10.1.0.1  Binding z { ${marked} }  Binding b { ${marked} } }
      Binding a { bind_address = 10.1.0.1 ${marked} }`);
    expect(vips.map(({ ip, names }) => [ip, names])).toEqual([['10.1.0.1', ['a', 'b', 'z']]]);
  });

  it('ARP-15 ARP-18 an IPv6 address is one address however it is spelled', () => {
    const text = `cluster { Topology "fd00::/16" { interface = eth1 } }
      Binding a { bind_address = "FD00:0:0::1" ${marked} }
      TCP_Listener { Listen "[fd00::0001]:80" { ${marked} } }`;
    const [vip, ...others] = settingsOf(text).duravip.vips;
    expect(others).toEqual([]);
    expect(vip!.announcement).toMatchObject({
      ip: 'fd00::1',
      names: ['a'],
      services: [{ kind: 'tcp', endpoint: '[fd00::1]:80' }],
    });
    expect(vip!.places).toEqual([{ ip: 'fd00::1', prefixBits: 128, interface: 'eth1' }]);
  });

  it('a listener that is switched off is as if it were not there', () => {
    expect(said(`TCP_Listener { Listen "10.1.0.1:80" { ${marked} enable = false } }`)).toEqual([]);
    expect(said(`TCP_Listener { enable = false  Listen "10.1.0.1:80" { ${marked} } }`)).toEqual([]);
  });
});

describe('DVC-8 a mark is on the address', () => {
  const text = `
    ESMTP_Listener { Listen "10.1.0.1:25" { } }
    TCP_Listener { Listen "10.1.0.1:80" { ${marked} } }
    Binding b { bind_address = 10.1.0.1 }`;

  it('floats everything on it, with a warning for each that is not marked', () => {
    expect(said(text)).toEqual([
      {
        ip: '10.1.0.1',
        names: ['b'],
        services: [
          { kind: 'esmtp', endpoint: '10.1.0.1:25' },
          { kind: 'tcp', endpoint: '10.1.0.1:80' },
        ],
        preference: [],
        followers: [],
      },
    ]);
    expect(warningsOf(text)).toEqual([
      "CFG-2322 Listen '10.1.0.1:25' is upgraded to DuraVIP: another service on 10.1.0.1 is marked",
      "CFG-2322 Binding 'b' is upgraded to DuraVIP: another service on 10.1.0.1 is marked",
    ]);
  });

  it('also for what is on the address of a follower', () => {
    const both = `
      Binding b { bind_address = 10.1.0.1 ${marked} }
      TCP_Listener { Listen "10.1.0.2:80" { duravip_follow = b }  Listen "10.1.0.2:81" { } }`;
    expect(warningsOf(both)).toEqual(["CFG-2322 Listen '10.1.0.2:81' follows 'b' with its address 10.1.0.2"]);
    expect(said(both)[0]!.followers).toEqual(['10.1.0.2']);
  });
});

describe('DVC-5 DVC-10 preferences', () => {
  const preferring = (a: string, b: string) => `
    Binding a { bind_address = 10.1.0.1 ${marked} ${a} }
    Binding b { bind_address = 10.1.0.1 ${marked} ${b} }`;

  it('EXT-6 are a node name, or several in order', () => {
    expect(said(preferring('duravip_preference = n1', ''))[0]!.preference).toEqual(['n1']);
    expect(said(preferring('', 'duravip_preference = ( n2 n1 )'))[0]!.preference).toEqual(['n2', 'n1']);
    const same = 'duravip_preference = ( n2 n1 )';
    expect(said(preferring(same, same))[0]!.preference).toEqual(['n2', 'n1']);
  });

  it('that differ on one address cancel each other', () => {
    const text = preferring('duravip_preference = n1', 'duravip_preference = n2');
    expect(said(text)[0]!.preference).toEqual([]);
    expect(warningsOf(text)).toEqual([
      'CFG-2323 services on 10.1.0.1 have different preferences, so it has none',
    ]);
  });

  it('DVC-13 of a follower do not count', () => {
    const text = `
      Binding a { bind_address = 10.1.0.1 ${marked} }
      TCP_Listener { Listen "10.1.0.2:80" { duravip_follow = a duravip_preference = n1 } }`;
    expect(said(text)[0]!.preference).toEqual([]);
    expect(codes(checkText(`${topology}\n${text}`))).toEqual(['CFG-2310']);
  });
});

describe('DVC-6 NET-1 where addresses go', () => {
  it('INV-7 followers go behind the address they follow, by name or by address, whatever the order', () => {
    const [vip] = vipsOf(`
      TCP_Listener {
        Listen "10.1.0.30:80" { duravip_follow = "10.1.0.1" }
        Listen "10.1.0.4:80" { duravip_follow = B }
        Listen "10.1.0.4:81" { duravip_follow = B }
      }
      Binding B { bind_address = 10.1.0.1 ${marked} }`);
    expect(vip!.announcement.followers).toEqual(['10.1.0.4', '10.1.0.30']);
    expect(vip!.places!.map(({ ip }) => ip)).toEqual(['10.1.0.1', '10.1.0.4', '10.1.0.30']);
  });

  it('NET-2 NET-3 into the longest Topology, with its mask', () => {
    const [a, b] = settingsOf(`
      cluster {
        Topology "10.0.0.0/8" { interface = eth0  cidrmask = 24 }
        Topology "10.1.0.0/16" { interface = eth1 }
        Topology "" { interface = eth2 }
      }
      Binding a { bind_address = 10.1.0.1 ${marked} }
      Binding b { bind_address = 10.2.0.1 ${marked} }
      Binding c { bind_address = 192.0.2.1 ${marked} }`).duravip.vips;
    expect(a!.places).toEqual([{ ip: '10.1.0.1', prefixBits: 32, interface: 'eth1' }]);
    expect(formatPrefix(a!.block!.address, a!.block!.bits)).toBe('10.1.0.0/16');
    expect(b!.places).toEqual([{ ip: '10.2.0.1', prefixBits: 24, interface: 'eth0' }]);
  });

  it('NET-6 a mask by which addresses depend on each other draws a warning, for both families', () => {
    const warnings = (options: string) => warningsOf(`cluster { Topology ${options} }`);
    expect(warnings('"10.0.0.0/8" { interface = eth0  cidrmask = 24 }')).toEqual([
      'CFG-2302 cidrmask 24 makes addresses depend on each other: taking one off can take off others',
    ]);
    expect(warnings('"fd00::/8" { interface = eth0  cidrmask = 64 }')).toHaveLength(1);
    expect(warnings('"10.0.0.0/8" { interface = eth0  cidrmask = 32 }')).toEqual([]);
    expect(warnings('"fd00::/8" { interface = eth0  cidrmask = 128 }')).toEqual([]);
  });

  it('NET-4 NET-5 nowhere when no Topology covers it, when it names no interface, or for one of its followers', () => {
    const places = (text: string) => settingsOf(text).duravip.vips.map((vip) => vip.places);
    const binding = `Binding a { bind_address = 10.1.0.1 ${marked} }`;
    expect(places(binding)).toEqual([undefined]);
    expect(places(`cluster { Topology "10.1.0.0/16" { } }\n${binding}`)).toEqual([undefined]);
    const follower = 'TCP_Listener { Listen "10.2.0.1:80" { duravip_follow = a } }';
    expect(places(`${topology}\n${binding}\n${follower}`)).toEqual([undefined]);
    expect(warningsOf(`${binding}\n${follower}`)).toEqual([
      'CFG-2301 no Topology covers the DuraVIP address 10.2.0.1: this node cannot take it',
    ]);
  });
});

describe('DVC 5.3 what is refused', () => {
  const binding = `Binding a { bind_address = 10.1.0.1 ${marked} }`;
  const listen = (endpoint: string, options: string) =>
    `TCP_Listener { Listen "${endpoint}" { ${options} } }`;

  it.each([
    ['both marks', `${binding} ${listen('10.1.0.2:80', `${marked} duravip_follow = a`)}`, 'CFG-2308'],
    [
      'both marks by the upgrade rule',
      `${binding} Binding b { bind_address = 10.1.0.2 ${marked} } ${listen('10.1.0.2:80', 'duravip_follow = a')}`,
      'CFG-2308',
    ],
    ['a binding that follows', 'Binding b { duravip_follow = a }', 'CFG-2002'],
    ['following the default binding', listen('10.1.0.2:80', 'duravip_follow = default'), 'CFG-2309'],
    ['following something unknown', `${binding} ${listen('10.1.0.2:80', 'duravip_follow = b')}`, 'CFG-2309'],
    [
      'following what does not float',
      `Binding b { bind_address = 10.1.0.3 } ${listen('10.1.0.2:80', 'duravip_follow = b')}`,
      'CFG-2309',
    ],
    [
      'following a follower',
      `${binding} Binding f { bind_address = 10.1.0.2 }
       TCP_Listener { Listen "10.1.0.2:80" { duravip_follow = a }  Listen "10.1.0.3:80" { duravip_follow = f } }`,
      'CFG-2309',
    ],
    [
      'following two',
      `${binding} Binding b { bind_address = 10.1.0.3 ${marked} }
       TCP_Listener { Listen "10.1.0.2:80" { duravip_follow = a }  Listen "10.1.0.2:81" { duravip_follow = b } }`,
      'CFG-2309',
    ],
    ['following the own address', `${binding} ${listen('10.1.0.1:80', 'duravip_follow = a')}`, 'CFG-2309'],
    ['a wildcard', listen('*:80', marked), 'CFG-2321'],
    ['a wildcard of IPv6', listen('[*]:80', marked), 'CFG-2321'],
    ['a wildcard that follows', `${binding} ${listen('*:80', 'duravip_follow = a')}`, 'CFG-2321'],
    ['a Unix socket', `Control_Listener { Listen "/tmp/x" { ${marked} } }`, 'CFG-2321'],
    ['the binding default', `Binding default { bind_address = 10.1.0.1 ${marked} }`, 'CFG-2321'],
    [
      'the binding default, by the upgrade rule',
      `${binding} Binding default { bind_address = 10.1.0.1 }`,
      'CFG-2321',
    ],
    ['a binding without address', `Binding b { ${marked} }`, 'CFG-2321'],
    ['a binding with a host name', `Binding b { bind_address = mail.example.com ${marked} }`, 'CFG-2321'],
    [
      'a binding name on two addresses',
      `${binding} Binding_Group g { Binding a { bind_address = 10.1.0.2 ${marked} } }`,
      'CFG-2320',
    ],
    ['ID-10 the address of the node', `cluster { nodeaddr = 10.1.0.1 } ${binding}`, 'CFG-2321'],
    [
      'ID-10 the address of the node as a follower',
      `cluster { nodeaddr = 10.1.0.2 } ${binding} ${listen('10.1.0.2:80', 'duravip_follow = a')}`,
      'CFG-2321',
    ],
    ['majority of nobody', 'cluster { quorum = majority } msgc_server { peers = [ ] }', 'CFG-2306'],
    ['DVC-2 no address in a round of balancing', 'cluster { duravip_balance_set_size = 0 }', 'CFG-2103'],
    ['DVC-2 less than none', 'cluster { duravip_balance_set_size = -1 }', 'CFG-2103'],
    ['a lease shorter than two beats', 'cluster { bus_loss_hold = 0.3 }', 'CFG-2103'],
  ])('%s', (_, text, code) => {
    const errors = errorsOf(text);
    expect(errors.map((line) => line.split(' ')[0])).toEqual([code]);
  });

  it('a binding that follows is told what to do instead', () => {
    const { findings } = checkText('Binding b { duravip_follow = a }');
    expect(findings.map(({ message, hint }) => `${message} ${hint}`).join()).toContain('Listen');
  });

  it('an address that no Topology covers, and differing spellings of it, only draw one warning', () => {
    const text = `Binding b { bind_address = 10.2.0.1 ${marked} } ${listen('10.2.0.1:80', marked)}`;
    expect(codes(checkText(`${topology}\n${text}`))).toEqual(['CFG-2301']);
  });
});

describe('options of the cluster scope (spec 5.1)', () => {
  const duravip = (options: string, more = '') => settingsOf(`cluster { ${options} }\n${more}`).duravip;

  it('all of them arrive, in milliseconds', () => {
    const stated = duravip(`
      arp_all_hosts = false  arp_share_interval = 30  arp_rate = 100
      duravip_balance_set_size = 7  view_balance_interval = 3  view_broadcast_interval = 60  view_mature_time = 2
      orphan_mature_time = 0.5  duravip_broken_policy = freeze  handover = concurrent  handover_timeout = 1.5
      if_check_interval = 9  if_down_limit = 2  on_bus_outage = keep  probe_limit = 0.25  release_grace = 4
      plumb_parallel = 3  unconditional_rebind = false  bus_loss_hold = 0.7  quorum = 3`);
    expect(stated).toEqual({
      vips: [],
      table: { matureMs: 2_000, orphanMatureMs: 500, brokenPolicy: 'freeze' },
      balanceSetSize: 7,
      balanceIntervalMs: 3_000,
      broadcastIntervalMs: 60_000,
      handover: { concurrent: true, timeoutMs: 1_500, failureTimeoutMs: 1_000 },
      holdMs: 700,
      quorum: 3,
      keepOnOutage: true,
      beatIntervalMs: 200,
      patience: { coolDownMs: 9_000, patienceMs: 2_000 },
      probeMs: 10,
      probeLimitMs: 250,
      neighbours: { allHosts: false, framesPerSecond: 100, shareIntervalMs: 30_000 },
      services: { releaseGraceMs: 4_000, parallel: 3, unconditionalRebind: false },
    });
  });

  it('DVC-2 one address in a round of balancing is the default, and there is no upper bound', () => {
    expect(duravip('').balanceSetSize).toBe(1);
    expect(duravip('duravip_balance_set_size = 1').balanceSetSize).toBe(1);
    expect(duravip('duravip_balance_set_size = 1000000').balanceSetSize).toBe(1_000_000);
  });

  it('ARP-2 all hosts are told unless arp_all_hosts = false', () => {
    expect(duravip('').neighbours.allHosts).toBe(true);
    expect(duravip('arp_all_hosts = false').neighbours.allHosts).toBe(false);
  });

  it('NET-20 NET-22 how the original looked at interfaces has no effect here, and is said to have none', () => {
    const text = `
      use_iflist_cache = true  binding_auto_replumb = enabled  binding_auto_replumb_interval = 5
      Binding b { bind_address = 10.1.0.1 ${marked} }`;
    expect(codes(checkText(`${topology}\n${text}`))).toEqual(['CFG-2006', 'CFG-2006', 'CFG-2006']);
    expect(vipsOf(text)).toEqual(vipsOf(`Binding b { bind_address = 10.1.0.1 ${marked} }`));
  });

  it('LIFE-18 the lease is 0.8 of the failure timeout, also with the fast profile', () => {
    expect(duravip('bus_failure_timeout = 2').holdMs).toBe(1_600);
    expect(duravip('profile = fast')).toMatchObject({
      holdMs: 80,
      beatIntervalMs: 20,
      handover: { failureTimeoutMs: 100 },
    });
  });

  it('EXT-1 a majority is one of the names in peers, also with external servers', () => {
    const peers = (names: string[]) =>
      `msgc_server { peers = [ ${names.map((name, n) => `${name} = 127.0.0.1:${5_000 + n}`).join(' ')} ] }`;
    const quorum = (names: string[], more = '') =>
      duravip(`nodename = n1 quorum = majority ${more}`, peers(names)).quorum;
    expect(quorum(['n1', 'n2', 'n3'])).toBe(2);
    expect(quorum(['n1', 'n2', 'n3', 'n4'])).toBe(3);
    expect(quorum(['n1', 'n2', 'n3'], 'servers = ( 127.0.0.1 )')).toBe(2);
    // One other alone is no majority of two.
    expect(quorum(['n2'])).toBe(2);
    expect(duravip('quorum = none').quorum).toBeUndefined();
  });
});

describe('NET-21 as many as anybody will have', () => {
  it('10,240 addresses, each with a binding and a listener, are read without ado', () => {
    const ips = Array.from({ length: 10_240 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
    const bindings = ips.map((ip, n) => `Binding "b${n}" { bind_address = ${ip} ${marked} }`);
    const listens = ips.map((ip) => `Listen "${ip}:25" { ${marked} }`);
    const startMs = performance.now();
    const vips = vipsOf(`${bindings.join('\n')}\nESMTP_Listener { ${listens.join('\n')} }`);
    console.info(`10,240 addresses read in ${(performance.now() - startMs).toFixed(0)} ms`);
    expect(vips).toHaveLength(10_240);
    expect(
      vips.every(
        ({ announcement: { names, services }, places }) =>
          names.length === 1 && services.length === 1 && places?.length === 1,
      ),
    ).toBe(true);
  });
});
