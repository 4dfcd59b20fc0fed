/** Files of version 2.2 in the present language: what comes out is compared as a whole, and must be valid. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../../src/config/check.ts';
import { type Migration, migrateText } from '../../../src/config/legacy/migrate.ts';
import { migrateFiles } from '../../../src/config/legacy/migrate-files.ts';
import { checkText, codes, settingsOf } from './checked.ts';
import { memoryFiles } from './memory-files.ts';

const fixture = (name: string) => readFileSync(`test/fixtures/legacy/${name}.conf`, 'utf8');
const said = ({ remarks }: Migration) =>
  remarks.map(({ line, column, kind, text }) => `${line}:${column} ${kind}: ${text}`);
const migrated = (text: string) => migrateText('old.conf', text).text;

describe('CONF-13.10 the configuration of a 2.2 cluster', () => {
  const result = migrateText('old.conf', fixture('cluster-2.2'));

  it('comes out with all comments, and with nothing left', async () => {
    await expect(result.text).toMatchFileSnapshot('../../fixtures/legacy/cluster-2.2.migrated.conf');
    expect(result.remarks.filter(({ kind }) => kind === 'left')).toEqual([]);
  });

  it('CONF-3.2 each change is told with its place', () => {
    expect(said(result)).toEqual([
      "12:1 changed: 'ESMTP_Listener = ( )' is a scope now",
      '14:25 changed: the attribute duravip="enabled" is Enable_Duravip = true now',
      '24:17 changed: the attribute duravip="enabled" is Enable_Duravip = true now',
      `27:1 changed: 'Logger logging/ec_logger' is 'ec_logger "ec_logger"' now`,
      `33:1 changed: 'Logger logging/custom_logger' is 'custom_logger "custom_logger"' now`,
      "39:1 changed: 'Logger cluster/ec_cluster' is 'cluster' now",
      "40:5 changed: 'mbus_daemon' is gone: nodes are joined by servers, or msgc_server and msgc_client",
      "43:5 changed: 'cluster_listener' is ECCluster_Listener now, behind the cluster scope",
      "47:5 changed: 'logs [' is 'logs = [' now",
      "54:5 changed: 'replicate [ ]' is a scope now",
      "55:5 changed: 'replicate [ ]' is a scope now",
      "56:5 changed: 'replicate [ ]' is a scope now",
      `58:5 changed: '192.168.0.0/24 [ ]' is 'Topology "192.168.0.0/24" { }' now`,
    ]);
  });

  it('is valid, and says what it said', () => {
    expect(codes(checkText(result.text)).filter((code) => code !== 'CFG-2006')).toEqual([]);
    const settings = settingsOf(result.text);
    expect(settings).toMatchObject({
      clusterGroup: 'ec_cluster',
      controlGroup: 'ec_console',
      clusterPort: 4802,
      listeners: [
        { listen: { host: '192.168.0.1', port: 25 }, backlog: 200, enableDuravip: false },
        { listen: { host: '192.168.0.41', port: 25 }, backlog: 200, enableDuravip: true },
      ],
    });
    expect(settings.replicate.map(({ name }) => name)).toEqual([
      'inbound_cidr',
      'outbound_cidr',
      'outbound_domains',
    ]);
    expect(settings.duravip?.vips).toMatchObject([
      {
        announcement: { ip: '192.168.0.41', names: ['example'] },
        places: [{ interface: 'bge0', prefixBits: 32 }],
      },
    ]);
  });

  it('comes out of a second time as it is', () => {
    const again = migrateText('new.conf', result.text);
    expect(again).toMatchObject({ text: result.text, isChanged: false, remarks: [] });
  });
});

describe('CONF-3.2 forms of the 2.2 language', () => {
  it('that are seen seldom', async () => {
    const result = migrateText('old.conf', fixture('forms-2.2'));
    await expect(result.text).toMatchFileSnapshot('../../fixtures/legacy/forms-2.2.migrated.conf');
    expect(said(result).filter((line) => line.includes('left'))).toEqual([]);
    expect(result.includes).toEqual([
      { target: 'common.conf', place: 'top' },
      { target: 'cluster-extra.conf', place: 'cluster' },
    ]);
    const valid = result.text.replace(/^\t?include.*\n/gm, '');
    expect(codes(checkText(valid)).filter((code) => code !== 'CFG-2006')).toEqual([]);
  });

  it.each(['ecelerity', 'ecelerity-cluster', 'eccluster', 'msgc_server', 'replication'])(
    'the present language stays as it is: %s.conf',
    (name) => {
      const text = readFileSync(`test/fixtures/config/${name}.conf`, 'utf8');
      const { remarks, ...result } = migrateText(name, text);
      expect(remarks.filter(({ text }) => !/ \[' is |^'replicate/.test(text))).toEqual([]);
      const alike = (all: string) =>
        all.replaceAll(' = [', ' [').replace(/.*(?:replicate \[|Replicate).*/gi, '');
      expect(alike(result.text)).toBe(alike(text));
    },
  );

  it('a value, a comment or a string that looks like the old language is no part of it', () => {
    const text = `# Logger a/b c {\nBinding "x" { Bind_Address = "<duravip>" } /* replicate [ type = "x" ] */\nhostname = Logger\n`;
    expect(migrateText('new.conf', text)).toMatchObject({ text, isChanged: false, remarks: [] });
  });
});

describe('CONF-3.2 what is not understood stays whole, is told, and the loader refuses it', () => {
  it.each([
    [
      'ESMTP_Listener = ( 10.0.0.1:25 [ 10.0.0.0/8 = ( continue ) 0.0.0.0/0 = ( deny ) ] )',
      '1:74',
      "'deny' among",
    ],
    ['ESMTP_Listener = ( 10.0.0.1:25, )', '1:20', 'an endpoint is expected'],
    ['ESMTP_Listener = ( 10.0.0.1:25 <colour="red"> )', '1:32', `'colour=red' has no known meaning`],
    ['ESMTP_Listener = ( 10.0.0.1:25 <duravip="perhaps"> )', '1:32', `'duravip=perhaps' has no`],
    ['Binding a <colour="red"> { Bind_Address = 10.0.0.9 }', '1:11', `'colour=red' has no known meaning`],
    ['Binding a <duravip="enabled" { Bind_Address = 10.0.0.9 }', '1:11', "no closing '>'"],
    ['cluster { replicate [ kind = "x" ] }', '1:11', 'needs a type'],
    ['cluster { replicate [ type = "x" ( ) ] }', '1:11', 'NAME = VALUE'],
    ['; mess', '1:1', "';' is not understood"],
  ])('%s', (text, place, what) => {
    const result = migrateText('old.conf', `${text}\n`);
    expect(result).toMatchObject({ text: `${text}\n`, isChanged: false });
    const [line = '', ...others] = said(result).filter((each) => each.includes('left'));
    expect(line).toContain(`${place} left: `);
    expect(line).toContain(what);
    expect(others.length).toBeLessThan(2);
    expect(checkText(result.text).counts.errors).toBeGreaterThan(0);
  });

  it('cluster_listener in a file that is included inside of the cluster scope has no place to go to', () => {
    const result = migrateText('part.conf', 'cluster_listener = *:4802\n', 'cluster');
    expect(result.isChanged).toBe(false);
    expect(said(result)).toEqual([
      `1:1 left: 'cluster_listener' is ECCluster_Listener { Listen "ENDPOINT" {} } outside of all scopes now`,
    ]);
  });

  it('a text that cannot be read is not touched: a quote or a brace without its end, bytes that are no UTF-8', () => {
    for (const text of [
      'a = "b',
      'Logger cluster/ec_cluster c { cluster_listener = *:4802\n',
      '# caf\udc80\n',
    ]) {
      const { findings, ...result } = migrateText('old.conf', text);
      expect(result).toMatchObject({ text, isChanged: false, remarks: [] });
      expect(findings).toHaveLength(1);
    }
  });
});

describe('CONF-3.2 files and what they include', () => {
  const migrateAll = (texts: Readonly<Record<string, string>>, main: string) =>
    migrateFiles([main], { files: memoryFiles(texts), searchPath: ['/etc/global'] });

  it('each file is rewritten for the place where it is included, once', () => {
    const { files, problems } = migrateAll(
      {
        '/etc/main.conf':
          'include "more"\nLogger cluster/ec_cluster c {\n  include "part.conf"\n}\ninclude "/etc/more/a.conf"\n',
        '/etc/more/a.conf': 'Domain /a/ { }\n',
        '/etc/more/.hidden': 'Domain /b/ { }\n',
        '/etc/global/part.conf': 'replicate [ type = "inbound_cidr" ]\ninclude "/etc/main.conf"\n',
      },
      '/etc/main.conf',
    );
    expect(files.map(({ path, isInDirectory, migration }) => [path, isInDirectory, migration.text])).toEqual([
      [
        '/etc/main.conf',
        false,
        'include "more"\ncluster {\n  include "part.conf"\n}\ninclude "/etc/more/a.conf"\n',
      ],
      ['/etc/more/a.conf', true, 'Domain "/a/" { }\n'],
      ['/etc/global/part.conf', false, 'Replicate "inbound_cidr" { }\ninclude "/etc/main.conf"\n'],
    ]);
    expect(problems).toEqual([
      '/etc/main.conf: it is included inside the cluster scope and outside of it; see to it by hand',
    ]);
  });

  it('what is not there is told, and the rest is rewritten', () => {
    const { files, problems } = migrateAll(
      { '/etc/main.conf': 'include "none"\nDomain /a/ { }\n' },
      '/etc/main.conf',
    );
    expect(files.map(({ migration }) => migration.text)).toEqual(['include "none"\nDomain "/a/" { }\n']);
    expect(problems).toEqual(["/etc/main.conf: 'none', which it includes, is not there"]);
    expect(migrateAll({}, '/etc/x').problems).toEqual(['/etc/x: no such file or directory']);
  });
});

describe('CONF-3.2 any text', () => {
  const pieces = fc.array(
    fc.constantFrom(
      ...'Logger cluster/ec_cluster cluster Binding Domain /a(b)/ ESMTP_Listener = = { } [ ] ( ) { } < > <duravip="enabled"> personality'.split(
        ' ',
      ),
      ...'continue replicate type "T" 10.0.0.0/8 10.0.0.1:25,200 mbus_daemon cluster_listener include "f" # /* */ , 0'.split(
        ' ',
      ),
      '\n',
      'replicate [ type = "inbound_cidr" ]',
      'cluster {',
      'ESMTP_Listener = (',
    ),
    { maxLength: 40 },
  );

  it('never fails, and what has come out whole comes out as it is', () => {
    fc.assert(
      fc.property(pieces, (words) => {
        const first = migrateText('a', words.join(' '));
        const isWhole = first.remarks.every(({ kind }) => kind === 'changed');
        if (isWhole) expect(migrateText('b', first.text).text).toBe(first.text);
      }),
      { numRuns: 2000 },
    );
  });

  it('a text that was valid says the same afterwards', () => {
    for (const text of ['cluster { Replicate "inbound_cidr" {} }', 'cluster { logs [ a = "/tmp/a" ] }']) {
      const before = checkConfiguration({ text, environment: {}, hostname: 'n' }).settings;
      const after = checkConfiguration({ text: migrated(text), environment: {}, hostname: 'n' }).settings;
      expect(before).toBeDefined();
      expect(after).toEqual(before);
    }
  });
});
