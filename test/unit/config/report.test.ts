import { describe, expect, it } from 'vitest';
import { exitStatus, renderFindings } from '../../../src/config/report.ts';
import { checkFiles, checkText } from './checked.ts';

describe('CONF-9.2 findings in text', () => {
  it('name the place, show the line with a caret, and how the file was reached', () => {
    const files = {
      'default/ecelerity.conf': '# the node\n\n\n\n\n\ninclude "ecelerity-cluster.conf"\n',
      'default/ecelerity-cluster.conf': `${'\n'.repeat(12)}cluster {\n  if_down_limt = 4\n\tnodename = "Größe"  idle_time = 1\n}\n`,
    };
    const result = checkFiles(files);
    expect(renderFindings(result)).toBe(
      [
        "default/ecelerity-cluster.conf:14:3: error CFG-2002: 'if_down_limt' is not an option of scope 'cluster' (did you mean 'if_down_limit'?)",
        '      if_down_limt = 4',
        '      ^~~~~~~~~~~~',
        '  included from default/ecelerity.conf:7:1',
        "default/ecelerity-cluster.conf:15:13: error CFG-2315: 'Größe' must be lower case",
        '    \tnodename = "Größe"  idle_time = 1',
        '    \t           ^~~~~~~',
        '  included from default/ecelerity.conf:7:1',
        "default/ecelerity-cluster.conf:15:22: error CFG-2002: 'idle_time' is not an option of scope 'cluster' (it is valid in scope 'global', 'ESMTP_Listener', 'Binding_Group', 'Binding', 'Domain', ...)",
        '    \tnodename = "Größe"  idle_time = 1',
        '    \t                    ^~~~~~~~~',
        '  included from default/ecelerity.conf:7:1',
        'Configuration invalid: 3 errors',
        '',
      ].join('\n'),
    );
    expect(exitStatus(result)).toBe(1);
  });

  it.each([
    ['cluster { bus_password = my hunter2 = }', 'cluster { bus_password = ...'],
    ['cluster { bus_passwrd = x  bus_token = hunter2 }', 'cluster { bus_passwrd = x  bus_token = ...'],
    ['Datasource d { uri = "pgsl://tom:hunter2@host" }', 'Datasource d { uri = "pgsl://tom:...@host" }'],
    ['Datasource d { uri = (\n"pgsl:host=a password=hunter2") }', '"pgsl:host=a password=...'],
    [
      'cluster { servers = ( "nats://tom:hunter2@host:port" ) }',
      'cluster { servers = ( "nats://tom:...@host:port" ) }',
    ],
  ])('CON-21 show no password, neither in the line nor in the words about it: %s', (text, shown) => {
    const result = checkText(text);
    expect(result.counts.errors).toBeGreaterThan(0);
    const lines = renderFindings(result).split('\n');
    expect(lines[1]).toBe(`    ${shown}`);
    expect(lines[2]).toMatch(/^ +\^~*$/);
    expect(lines.join('\n') + renderFindings(result, { json: true })).not.toContain('hunter');
  });

  it('count code points, a tab and a character outside of the first plane as one', () => {
    const result = checkText('cluster {\n\t/* 🚢🚢 */ nodname = x\n}');
    expect(result.findings.map(({ line, column, endColumn }) => [line, column, endColumn])).toEqual([
      [2, 11, 18],
    ]);
    expect(renderFindings(result).split('\n')[2]).toBe(`    \t${' '.repeat(9)}^~~~~~~`);
  });

  it('show of a string over several lines the first, of a very long line a window', () => {
    const lines = renderFindings(checkText('log_hires_timestamp = "a\nb"')).split('\n');
    expect(lines.slice(1, 3)).toEqual(['    log_hires_timestamp = "a', '                          ^~']);
    const long = renderFindings(checkText(`pidfile = "${'x'.repeat(1_000_000)}" nonsense = 1`));
    expect(long.length).toBeLessThan(500);
    expect(long).toContain(':1:1000014: error CFG-2002');
    const [, source = '', caret = ''] = long.split('\n');
    expect(source.slice(caret.indexOf('^'), caret.length)).toBe('nonsense');
  });

  it('say what is missing when the text ends too early', () => {
    expect(renderFindings(checkText('cluster {\n'))).toContain(
      "1:9: error CFG-1102: Syntax error in configuration:1 near '{'",
    );
    expect(renderFindings(checkText('include'))).toContain(
      "near end of file: 'include' needs the name of a file",
    );
  });

  it('cannot move the cursor of a terminal or turn its direction', () => {
    const text = renderFindings(checkText('hostnam\u001b[2J = 1\n"\u202ex" = 2'));
    expect(['\u001b', '\u202e'].filter((char) => text.includes(char))).toEqual([]);
  });

  it('show fifty and count the rest', () => {
    const result = checkText('nonsense = 1\n'.repeat(70));
    const lines = renderFindings(result).split('\n');
    expect(lines.filter((line) => line.includes('CFG-2002'))).toHaveLength(50);
    expect(lines.slice(-3)).toEqual(['... and 20 more findings', 'Configuration invalid: 70 errors', '']);
    expect(checkText('nonsense = 1\n'.repeat(5000)).counts.errors).toBe(5000);
  });

  it('are sorted by file in reading order, then by place', () => {
    const files = { 'z.conf': 'a = 1 b = 2\ninclude a.conf\nc = 3', 'a.conf': 'd = 4' };
    const places = checkFiles(files).findings.map(({ file, line, column }) => `${file}:${line}:${column}`);
    expect(places).toEqual(['z.conf:1:1', 'z.conf:1:7', 'z.conf:3:1', 'a.conf:1:1']);
  });
});

describe('CONF-9.2 summary and exit status', () => {
  it('valid: 0, warnings and notices allowed', () => {
    const clean = checkText('');
    expect([renderFindings(clean), exitStatus(clean)]).toEqual(['Configuration valid\n', 0]);
    const warned = checkText('cluster { mbus_daemon = 1  cluster_listener = 2 }\nidle_time = 3');
    expect(renderFindings(warned)).toMatch(/\nConfiguration valid: 2 warnings, 1 notice\n$/);
    expect(exitStatus(warned)).toBe(0);
  });

  it('no configuration found: 2', () => {
    const nothing = checkFiles(
      { 'missing.conf': '' },
      {
        files: {
          facts: () => ({ kind: 'none', reason: '' }),
          read: () => undefined,
          list: () => [],
          isWritable: () => false,
        },
      },
    );
    expect([renderFindings(nothing), exitStatus(nothing)]).toEqual(['No configuration found\n', 2]);
  });

  it('a notice for an option without effect comes once, not for each place', () => {
    expect(checkText('idle_time = 1\nDomain a { idle_time = 2 }\nidle_time = 3').counts.notices).toBe(1);
  });
});

describe('CONF-9.2 findings as JSON', () => {
  it('are objects with place, code, severity, message, hint and trace', () => {
    const result = checkFiles({ 'm.conf': 'include p.conf', 'p.conf': 'cluster { nodname = x }' });
    expect(JSON.parse(renderFindings(result, { json: true }))).toEqual([
      {
        file: 'p.conf',
        line: 1,
        column: 11,
        endLine: 1,
        endColumn: 18,
        code: 'CFG-2002',
        severity: 'error',
        message: "'nodname' is not an option of scope 'cluster'",
        hint: "did you mean 'nodename'?",
        trace: [{ file: 'm.conf', line: 1, column: 1 }],
      },
    ]);
    expect(renderFindings(checkText(''), { json: true })).toBe('[]\n');
  });
});

describe('phases', () => {
  it('report all syntax errors of all files in one run', () => {
    const files = {
      'm.conf': 'a = \nb = ( c , d )\n} \ncluster { x y }\ninclude p.conf\ninclude missing.conf',
      'p.conf': 'Binding b <duravip="on"> { }\n= 5\nServers = [ a b ]\n',
    };
    const found = checkFiles(files).findings.map(
      ({ file, line, column, code }) => `${file}:${line}:${column} ${code}`,
    );
    expect(found).toEqual([
      'm.conf:2:1 CFG-1102',
      'm.conf:2:9 CFG-1102',
      'm.conf:3:1 CFG-1102',
      'm.conf:4:13 CFG-1102',
      'm.conf:6:9 CFG-1201',
      'p.conf:1:11 CFG-1107',
      'p.conf:2:1 CFG-1102',
      'p.conf:3:13 CFG-1102',
      'p.conf:3:15 CFG-1102',
    ]);
  });

  it('report names and values together, and cross-checks only when those are right', () => {
    const wrong = 'cluster { nodname = x  if_down_limit = y  Replicate nonsense {} }';
    expect(checkText(wrong).findings.map(({ code }) => code)).toEqual(['CFG-2002', 'CFG-2102']);
    expect(checkText('cluster { Replicate nonsense {} }').findings.map(({ code }) => code)).toEqual([
      'CFG-2304',
    ]);
  });
});
