import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../../src/config/check.ts';
import { Findings } from '../../../src/config/finding.ts';
import { parseSource } from '../../../src/config/parser.ts';
import { printItems } from '../../../src/config/print.ts';
import { Source } from '../../../src/config/source.ts';
import { shapeOf } from './shape.ts';

const folder = 'test/fixtures/config';
const check = (file: string) =>
  checkConfiguration({
    file: `${folder}/${file}`,
    environment: { EC_CONF_SEARCH_PATH: '' },
    hostname: 'mta1.example.com',
  });
const brief = (file: string) =>
  check(file).findings.map(({ line, column, severity, code }) => `${line}:${column} ${severity} ${code}`);

describe('configurations as their users have them', () => {
  it('a node with everything: only notices about options that mean nothing here', () => {
    const result = check('ecelerity.conf');
    expect(brief('ecelerity.conf')).toEqual([
      '2:1 notice CFG-2006',
      '3:1 notice CFG-2006',
      '4:1 notice CFG-2006',
      '5:1 notice CFG-2006',
      '6:1 notice CFG-2006',
      '7:1 notice CFG-2006',
      '8:1 notice CFG-2006',
      '16:3 notice CFG-2006',
      '19:1 notice CFG-2006',
      '29:51 notice CFG-2006',
    ]);
    expect(result.settings).toMatchObject({
      nodename: 'mta1',
      processUser: {
        user: 'ecuser',
        group: 'ecuser',
        supplementalGroups: undefined,
        capabilities: ['cap_net_admin', 'cap_net_bind_service', 'cap_net_raw', 'cap_sys_resource'],
      },
      clusterPort: 4802,
      bus: { servers: [], embedded: { clientPort: 4222, routeHost: '*', routePort: 4809 } },
      listeners: [{ listen: { host: '10.1.1.41', port: 25 }, backlog: 200, enableDuravip: true }],
    });
    expect(result.settings?.bus.embedded.peers.map(({ name, address }) => [name, address])).toEqual([
      ['mta1.example.com', '10.1.1.1'],
      ['mta2.example.com', '10.1.1.2'],
      ['mgr', '10.1.1.9'],
    ]);
    expect(result.settings?.replicate.map(({ name }) => name)).toEqual([
      'inbound_cidr',
      'outbound_cidr',
      'outbound_domains',
      'outbound_binding_domains',
      'shared_named_throttles',
    ]);
  });

  it('every kind of replication, and a manager: its console has no TLS for other hosts; flags mean nothing', () => {
    expect(brief('replication.conf')).toEqual([]);
    expect(brief('eccluster.conf')).toEqual([
      '34:10 warning CFG-2331',
      '37:15 notice CFG-2006',
      '37:32 notice CFG-2006',
      '37:52 notice CFG-2006',
    ]);
    expect(check('replication.conf').settings?.replicate).toHaveLength(11);
  });

  it('a text that lost lines on its way: the bracket that was not closed is named, not where it was missed', () => {
    expect(brief('damaged.conf')).toEqual([
      '1:9 error CFG-1102',
      '4:10 error CFG-1102',
      '11:15 error CFG-1102',
    ]);
  });

  it('the language of version 2.2: each construct that is gone is named', () => {
    expect(brief('language-2.2.conf')).toEqual([
      '10:25 error CFG-1107',
      '20:17 error CFG-1107',
      '23:8 error CFG-1107',
      '24:1 error CFG-1107',
      '28:1 error CFG-1107',
      '37:5 error CFG-1107',
    ]);
  });
});

describe('CONF-13.1 print and parse again', () => {
  const valid = readdirSync(folder).filter((file) => file !== 'damaged.conf' && file !== 'language-2.2.conf');

  it.each(valid)('%s gives an equal tree', (file) => {
    const findings = new Findings();
    const items = parseSource(new Source(file, readFileSync(`${folder}/${file}`, 'utf8')), findings, {
      strict: false,
    });
    const printed = printItems(items);
    const again = parseSource(new Source('printed', printed), findings, { strict: true });
    expect(findings.list().map(({ line, code }) => `${line} ${code}`)).toEqual([]);
    expect(shapeOf(again)).toEqual(shapeOf(items));
    expect(printItems(again)).toBe(printed);
  });
});
