import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../../src/config/check.ts';
import { diskFiles } from '../../../src/config/files.ts';
import { brief, checkFiles, checkText } from './checked.ts';

const pidfileOf = (result: ReturnType<typeof checkFiles>) => result.tree?.get('pidfile')?.value;
const along = (path: string) => ({ environment: { EC_CONF_SEARCH_PATH: path } });

describe('CONF-6.2 include', () => {
  it('continues the scope it stands in, at its place: the last assignment counts', () => {
    const files = {
      'main.conf': 'pidfile = a\ncluster { include part.conf }\ninclude last.conf\npidfile = c',
      'part.conf': 'log_group = panics',
      'last.conf': 'pidfile = b',
    };
    const { tree } = checkFiles(files);
    expect(tree?.child('cluster', '')?.get('log_group')?.value).toBe('panics');
    expect(tree?.get('pidfile')?.value).toBe('c');
  });

  it('looks beside the including file first, then along the search path, and CFG-1204 warns of several', () => {
    const files = {
      '/conf/default/main.conf': 'include "local.conf"',
      '/conf/default/local.conf': 'pidfile = beside',
      '/conf/relay-1/local.conf': 'pidfile = node',
    };
    const result = checkFiles(files, along('/conf/{NODENAME}:/conf/default'));
    expect(brief(result)).toEqual(['/conf/default/main.conf:1:9 warning CFG-1204']);
    expect(result.findings[0]?.message).toContain("there is also '/conf/relay-1/local.conf'");
    expect(pidfileOf(result)).toBe('beside');
  });

  it('takes {NODENAME} of the search path from the option, the environment, then the host name', () => {
    const files = {
      '/m.conf': 'include "local.conf"',
      '/c/relay-1/local.conf': 'pidfile = by-host',
      '/c/west/local.conf': 'pidfile = by-environment',
      '/c/east/local.conf': 'pidfile = by-option',
    };
    const search = { EC_CONF_SEARCH_PATH: '/c/{NODENAME}' };
    expect(pidfileOf(checkFiles(files, { environment: search }))).toBe('by-host');
    expect(pidfileOf(checkFiles(files, { environment: { ...search, EC_NODE_NAME: 'west' } }))).toBe(
      'by-environment',
    );
    expect(pidfileOf(checkFiles(files, { environment: search, nodename: 'east' }))).toBe('by-option');
  });

  it('takes the files of a directory in byte order, without hidden ones and without descending', () => {
    const files = {
      'main.conf': 'include "/d"',
      '/d/b.conf': 'pidfile = b',
      '/d/a.conf': 'pidfile = a',
      '/d/B.conf': 'pidfile = B',
      '/d/.z.conf': 'hidden files are not even read {',
      '/d/z/inner.conf': 'pidfile = inner',
    };
    expect(pidfileOf(checkFiles(files))).toBe('b');
  });

  it('takes file:// URIs and no others', () => {
    const files = {
      'main.conf': 'include "file:///a%20b.conf"\ninclude "http://x/y"',
      '/a b.conf': 'idle_time = 1',
    };
    expect(brief(checkFiles(files))).toEqual(['main.conf:2:9 error CFG-1201']);
  });

  it('CFG-1201 names the places searched', () => {
    const result = checkFiles({ '/a/main.conf': 'cluster {\n  include "x.conf"\n}' }, along('/b:/c'));
    expect(brief(result)).toEqual(['/a/main.conf:2:11 error CFG-1201']);
    expect(result.findings[0]?.message).toBe(
      "failed to stat 'x.conf': no such file or directory in /a, /b, /c",
    );
  });

  it('CFG-1201 in an included file tells how it was reached, nearest first', () => {
    const files = { 'a.conf': '\ninclude b.conf', 'b.conf': '  include c.conf', 'c.conf': 'include ""' };
    const [finding] = checkFiles(files).findings;
    expect(finding).toMatchObject({ code: 'CFG-1201', file: 'c.conf', line: 1, column: 9 });
    expect(finding?.trace).toEqual([
      { file: 'b.conf', line: 1, column: 3 },
      { file: 'a.conf', line: 2, column: 1 },
    ]);
  });

  it('CFG-1203 reports a cycle at the include that closes it', () => {
    const files = { 'a.conf': 'include b.conf', 'b.conf': '\n include c.conf', 'c.conf': 'include ./b.conf' };
    const result = checkFiles(files);
    expect(brief(result)).toEqual(['c.conf:1:1 error CFG-1203']);
    expect(result.findings[0]?.message).toBe('include cycle: b.conf -> c.conf -> b.conf');
  });

  it('CFG-1203 allows 32 levels, not 33', () => {
    const chain = (length: number) =>
      Object.fromEntries(
        Array.from({ length: length + 1 }, (_, n) => [
          `${n}.conf`,
          n < length ? `include ${n + 1}.conf` : '# end',
        ]),
      );
    // Object keys that look like integers would come first; these do not.
    expect(brief(checkFiles(chain(32)))).toEqual([]);
    expect(checkFiles(chain(33)).findings.map(({ code }) => code)).toContain('CFG-1203');
  });

  it('CFG-1203 stops files that include each other twice from doubling 2^30 times', () => {
    const files = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [
        `${n}.conf`,
        n < 29 ? `include ${n + 1}.conf\ninclude ${n + 1}.conf` : '# end',
      ]),
    );
    const result = checkFiles(files);
    expect(result.findings.map(({ code }) => code)).toEqual(['CFG-1203']);
    expect(result.findings[0]?.message).toContain('1000 files');
  });

  it('CFG-1203 reads no further files once there are too many', () => {
    let reads = 0;
    const files = {
      facts: (path: string) =>
        path.startsWith('/')
          ? { kind: 'file' as const, sizeBytes: 0 }
          : { kind: 'none' as const, reason: 'no such file or directory' },
      read: (path: string) => {
        reads += 1;
        const includes = Array.from({ length: 1500 }, (_, n) => `include /${n}\n`);
        return new TextEncoder().encode(path === '/main' ? includes.join('') : '');
      },
      list: () => [],
      isWritable: () => false,
    };
    expect(brief(checkFiles({ '/main': '' }, { files }))).toEqual(['/main:1001:1 error CFG-1203']);
    expect(reads).toBe(1002);
  });

  it('reports what is wrong with a file once, however often it is included', () => {
    const files = { 'main.conf': 'include p.conf\ninclude p.conf', 'p.conf': 'hostnam = x' };
    expect(brief(checkFiles(files))).toEqual(['p.conf:1:1 error CFG-2002']);
  });

  it('CFG-2201 local_changes_file must be no file of the configuration', () => {
    const files = {
      '/m.conf': 'local_changes_file = "/m.conf"\ninclude p.conf',
      '/p.conf': 'local_changes_file = p.conf',
    };
    expect(brief(checkFiles({ '/m.conf': files['/m.conf'], '/p.conf': '' }))).toEqual([
      '/m.conf:1:22 error CFG-2201',
    ]);
    expect(brief(checkFiles(files))).toEqual(['/p.conf:1:22 error CFG-2201']);
  });
});

describe('CFG-2201 local_changes_file', () => {
  /** Files by path, with whether they can be written; a directory has no text. */
  const disk = (paths: Record<string, boolean>) => ({
    facts: (path: string) =>
      path in paths
        ? { kind: 'file' as const, sizeBytes: 1 }
        : { kind: 'none' as const, reason: 'no such file' },
    read: (path: string) =>
      new TextEncoder().encode(path.endsWith('m.conf') ? 'local_changes_file = "changes.conf"' : ''),
    list: () => [],
    isWritable: (path: string) => paths[path] ?? false,
  });
  const check = (paths: Record<string, boolean>) =>
    brief(checkFiles({ '/c/m.conf': '' }, { files: disk(paths) }));
  const refused = ['/c/m.conf:1:22 error CFG-2201'];

  it('is relative to the main file, and must be writable, or its directory if it does not exist', () => {
    expect(check({ '/c/m.conf': false, '/c/changes.conf': true })).toEqual([]);
    expect(check({ '/c/m.conf': false, '/c/changes.conf': false, '/c': true })).toEqual(refused);
    expect(check({ '/c/m.conf': false, '/c': false })).toEqual(refused);
    expect(check({ '/c/m.conf': false, '/c': true })).toEqual([]);
  });
});

describe('CONF-6.1 main file', () => {
  const copies = { '/c/global/ec.conf': 'pidfile = global', '/c/default/ec.conf': 'pidfile = default' };

  it('is found along the search path, and CFG-1205 reports the copy it shadows', () => {
    const files = { 'ec.conf': '', ...copies };
    const { 'ec.conf': _, ...searched } = files;
    const result = checkConfigurationOf(searched, 'ec.conf');
    expect(pidfileOf(result)).toBe('global');
    expect(result.findings.map(({ message }) => message)).toEqual([
      "'/c/global/ec.conf' shadows '/c/default/ec.conf'",
    ]);
  });

  it('CFG-1205 is raised, too, for a file that a search would not find', () => {
    const result = checkConfigurationOf(copies, '/c/default/ec.conf');
    expect(brief(result)).toEqual(['/c/default/ec.conf:1:1 warning CFG-1205']);
    expect(pidfileOf(result)).toBe('default');
  });

  it('that does not exist is no configuration at all', () => {
    expect(checkConfigurationOf(copies, 'nothing.conf')).toMatchObject({ found: false, findings: [] });
  });

  function checkConfigurationOf(files: Record<string, string>, file: string) {
    return checkFiles({ [file]: '', ...files }, { ...along('/c/global:/c/default'), files: only(files) });
  }

  function only(files: Record<string, string>) {
    const bytes = new Map(
      Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)]),
    );
    return {
      facts: (path: string) => {
        const file = bytes.get(path);
        return file
          ? { kind: 'file' as const, sizeBytes: file.length }
          : { kind: 'none' as const, reason: 'no such file or directory' };
      },
      read: (path: string) => bytes.get(path),
      list: () => [],
      isWritable: () => false,
    };
  }

  it('CFG-1201 a directory or a file too large is no main file', () => {
    expect(
      brief(
        checkFiles({ '/d/x.conf': '' }, { files: { ...diskFiles, facts: () => ({ kind: 'directory' }) } }),
      ),
    ).toEqual(['/d/x.conf:1:1 error CFG-1201']);
    const huge = { ...diskFiles, facts: () => ({ kind: 'file' as const, sizeBytes: 1 << 30 }) };
    expect(checkFiles({ '/x.conf': '' }, { files: huge }).findings[0]?.message).toContain('is larger than');
  });
});

describe('files of a real disk', () => {
  it('are read, and what is no regular file is refused instead of waited for', () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-config-'));
    try {
      const main = join(folder, 'main.conf');
      writeFileSync(main, '\ufeffinclude "part.conf"\ninclude "/dev/zero"\ninclude "missing.conf"');
      writeFileSync(join(folder, 'part.conf'), 'pidfile = x');
      const result = checkConfiguration({ file: main, environment: {} });
      expect(brief(result)).toEqual([`${main}:2:9 error CFG-1201`, `${main}:3:9 error CFG-1201`]);
      expect(result.findings[0]?.message).toContain('neither a file nor a directory');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('text without a file', () => {
  it('includes along the search path only', () => {
    const result = checkText('include "x.conf"', along('/b'));
    expect(result.findings[0]?.message).toBe("failed to stat 'x.conf': no such file or directory in /b");
  });
});
