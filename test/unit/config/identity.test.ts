/** Where the name and the address of a node come from, and what ends the start (ID-1 to ID-9). */
import { describe, expect, it } from 'vitest';
import { resolveNodeAddress } from '../../../src/node/address.ts';
import { checkText, settingsOf } from './checked.ts';

const findings = (hostname: string, text = '') =>
  checkText(text, { hostname }).findings.map(({ severity, code, hint }) => `${severity} ${code}: ${hint}`);

describe('a host name that is none', () => {
  // What the system says where nobody has named it.
  it.each(['', '(none)', '.example.com'])(
    'ID-4 %j is fatal, and the operator is told to set nodename',
    (hostname) => {
      expect(findings(hostname)).toEqual(['error CFG-2315: set nodename in cluster { }']);
      expect(checkText('', { hostname }).settings).toBeUndefined();
    },
  );

  it('ID-4 it does not matter where the node has another name', () => {
    expect(findings('', 'cluster { nodename = relay-1 }')).toEqual([]);
    expect(settingsOf('', { hostname: '(none)', environment: { EC_NODE_NAME: 'relay-2' } }).nodename).toBe(
      'relay-2',
    );
    expect(settingsOf('', { hostname: '', nodename: 'relay-3' }).nodename).toBe('relay-3');
  });
});

describe('a node name with a dot', () => {
  it('ID-6 is kept in full where somebody chose it; only a host name is cut', () => {
    const name = 'relay-1.east.example';
    const nameOf = (...[text, more]: Parameters<typeof settingsOf>) => settingsOf(text, more).nodename;
    expect(nameOf(`cluster { nodename = ${name} }`)).toBe(name);
    expect(nameOf('', { environment: { EC_NODE_NAME: name } })).toBe(name);
    expect(nameOf('', { nodename: name })).toBe(name);
    expect(nameOf('', { hostname: name })).toBe('relay-1');
  });
});

describe('the node address', () => {
  const addressOf = (nodename: string, nodeaddr?: string) =>
    resolveNodeAddress({ ...settingsOf(''), nodename, nodeaddr }).catch((error: Error) => error.message);

  it('ID-7 a name that resolves to this machine itself is fatal, and the operator is sent to the hosts file', async () => {
    expect(await addressOf('localhost')).toMatch(
      /^The node address is not usable: the name localhost resolves to (127\.0\.0\.1|::1); check the hosts file$/,
    );
  });

  it('ID-7 a name that does not resolve is fatal', async () => {
    expect(await addressOf('relay-1.invalid')).toBe(
      'The node address is not usable: the name relay-1.invalid does not resolve, and nodeaddr is not set',
    );
  });

  it('ID-7 a name is not resolved where nodeaddr is set', async () => {
    expect(await addressOf('relay-1.invalid', '10.80.116.201')).toBe('10.80.116.201');
  });

  it('ID-9 its port is that of ECCluster_Listener, 4802 unless stated', () => {
    const portOf = (text: string) => settingsOf(text).clusterPort;
    expect(portOf('')).toBe(4802);
    expect(portOf('ECCluster_Listener { }')).toBe(4802);
    expect(portOf('ECCluster_Listener { Listen "*:5802" { } }')).toBe(5802);
    expect(portOf('ECCluster_Listener { Listen "[::]:5803" { } }')).toBe(5803);
  });

  it('ID-9 it listens on the address of the node unless stated, and not at all when it is switched off', () => {
    const listenOf = (text: string) => settingsOf(text).peers.listen.map(({ host, port }) => [host, port]);
    expect(listenOf('ECCluster_Listener { }')).toEqual([[undefined, 4802]]);
    expect(listenOf('ECCluster_Listener { Listen "*:5802" { } Listen "10.1.1.1:5803" { } }')).toEqual([
      ['*', 5802],
      ['10.1.1.1', 5803],
    ]);
    expect(listenOf('ECCluster_Listener { Enable = false }')).toEqual([]);
    expect(listenOf('ECCluster_Listener { Listen "*:5802" { Enable = false } }')).toEqual([]);
  });

  it('API-8 its secret is that of the bus servers unless it has one of its own', () => {
    const secretOf = (text: string) => settingsOf(text).peers.secret;
    expect(secretOf('')).toBeUndefined();
    expect(secretOf('msgc_server { secret = ours }')).toBe('ours');
    expect(secretOf('msgc_server { secret = ours } ECCluster_Listener { Secret = own }')).toBe('own');
  });
});
