import { describe, expect, it } from 'vitest';
import { changesFileOf } from '../../../../src/config/check.ts';
import { planWriteback, type WritebackPlan } from '../../../../src/config/online/writeback.ts';
import { showAll } from '../../../../src/config/show.ts';
import { changedBy, checkedFiles, type Texts, treeOf } from './tree.ts';

const home = '/etc/flotilla/local_changes.conf';

function plan(texts: Texts, ...lines: readonly (readonly string[])[]): WritebackPlan {
  const checked = checkedFiles(texts);
  const { request, result, files } = checked;
  const running = treeOf(changedBy(checked, ...lines)).tree;
  const loaded = result.loaded!;
  const made = planWriteback({
    loaded,
    stored: result.tree,
    running,
    changesFile: changesFileOf(loaded, request),
    files,
  });
  if (typeof made === 'string') throw new Error(made);
  if (made.homeless === '' && made.warnings.length === 0) {
    const written = Object.fromEntries(made.files.map(({ path, text }) => [path, text]));
    const then = checkedFiles({ ...texts, ...written }).result.tree;
    expect(showAll(then, 'written')).toBe(showAll(running, 'written'));
  }
  return made;
}

function written(texts: Texts, ...lines: readonly (readonly string[])[]): Record<string, string> {
  return Object.fromEntries(plan(texts, ...lines).files.map(({ path, text }) => [path, text]));
}

describe('CONF-13.3 where console changes are written', () => {
  const manual = {
    '/etc/main.conf': 'readonly_include "foo.conf"\ninclude "baz.conf"\n',
    '/etc/foo.conf': 'Domain yahoo.com { Gateway = "server.yahoo.com"\n  include "bar.conf" }\n',
    '/etc/baz.conf': '# others\n',
    '/etc/bar.conf': '# local\n',
  };

  it('CONF-6.4 the example of the manual: a new option and a changed one go to the file included in the scope', () => {
    expect(written(manual, ['set', 'Domain', 'yahoo.com', 'retry_interval', '7'])).toEqual({
      '/etc/bar.conf': '# local\nRetry_Interval = 7\n',
    });
    expect(written(manual, ['set', 'Domain', 'yahoo.com', 'gateway', 'x'])).toEqual({
      '/etc/bar.conf': '# local\nGateway = x\n',
    });
  });

  it('CONF-6.4 a value is replaced where it was set last, and nothing else is touched', () => {
    const text = '  # why\n\tpidfile="/a"   # here\r\nhostname = x /* and */ pidfile = "/b"#c\n\n';
    expect(written({ '/etc/main.conf': text }, ['set', 'pidfile', '/c'])).toEqual({
      '/etc/main.conf': text.replace('"/b"', '"/c"'),
    });
  });

  it('CONF-6.4 with Local_Changes_Only everything goes to the file of local changes', () => {
    const texts = {
      '/etc/main.conf': 'local_changes_file = "mine.conf" local_changes_only = true\nhostname = a\n',
      '/etc/mine.conf': '',
    };
    expect(written(texts, ['set', 'hostname', 'b'], ['set', 'cluster', 'if_down_limit', '5'])).toEqual({
      '/etc/mine.conf': 'Hostname = b\nCluster {\n  If_Down_Limit = 5\n}\n',
    });
  });

  it('CONF-6.4 a scope that no file declares goes to the file of local changes, also to one that is not there yet', () => {
    expect(
      written(
        { '/etc/main.conf': 'hostname = a' },
        ['set', 'Binding', 'b', 'Domain', 'x.org', 'gateway', 'y'],
        ['set', 'Binding', 'b', 'Domain', 'x.org', 'retry_interval', '3'],
        ['set', 'retry_interval', '4'],
      ),
    ).toEqual({
      [home]: 'Binding "b" {\n  Domain "x.org" {\n    Gateway = y\n    Retry_Interval = 3\n  }\n}\n',
      '/etc/main.conf': 'hostname = a\nRetry_Interval = 4\n',
    });
  });

  it('CONF-6.4 without a file of local changes the main file takes them', () => {
    const main = 'local_changes_file = ""\n';
    expect(written({ '/etc/main.conf': main }, ['set', 'Domain', 'x.org', 'gateway', 'y'])).toEqual({
      '/etc/main.conf': `${main}Domain "x.org" {\n  Gateway = y\n}\n`,
    });
  });

  it('CONF-6.4 where that cannot be written either, the text is shown', () => {
    const made = plan({ '/etc/main.ro': 'local_changes_file = ""\n' }, [
      'set',
      'Domain',
      'x.org',
      'gateway',
      'y',
    ]);
    expect(made).toEqual({ files: [], homeless: 'Domain "x.org" {\n  Gateway = y\n}\n', warnings: [] });
  });

  it('CONF-6.3 a file included twice, and one named by readonly_include, is left alone', () => {
    const texts = {
      '/etc/main.conf': 'include "a.conf"\nDomain x { include "a.conf" }\nreadonly_include "b.conf"\n',
      '/etc/a.conf': 'retry_interval = 1\n',
      '/etc/b.conf': 'hostname = x\n',
    };
    expect(written(texts, ['set', 'retry_interval', '2'], ['set', 'hostname', 'y'])).toEqual({
      '/etc/main.conf': `${texts['/etc/main.conf']}Hostname = y\nRetry_Interval = 2\n`.replace(
        'Hostname = y\nRetry_Interval = 2',
        'Retry_Interval = 2\nHostname = y',
      ),
    });
  });

  it('CONF-6.4 never before a later statement that would undo it', () => {
    const texts = {
      '/etc/main.conf': 'include "first.conf"\nreadonly_include "last.conf"\n',
      '/etc/first.conf': 'cluster { }\n',
      '/etc/last.conf': 'cluster { if_down_limit = 9 }\n',
    };
    expect(written(texts, ['set', 'cluster', 'if_down_limit', '5'])).toEqual({
      [home]: 'Cluster {\n  If_Down_Limit = 5\n}\n',
    });
  });

  it('CONF-6.4 a new option stands at the end of its stanza, in its layout', () => {
    const texts = {
      '/etc/main.conf': 'cluster {\n    nodename = a # me\n  }\nBinding b {}\nBinding c { gateway = x }',
    };
    expect(
      written(
        texts,
        ['set', 'cluster', 'if_down_limit', '5'],
        ['set', 'Binding', 'b', 'gateway', 'y'],
        ['set', 'Binding', 'c', 'retry_interval', '6'],
      ),
    ).toEqual({
      '/etc/main.conf':
        'cluster {\n    nodename = a # me\n    If_Down_Limit = 5\n  }\nBinding b { Gateway = y }\nBinding c { gateway = x Retry_Interval = 6 }',
    });
  });

  it('CONF-6.4 what is unset disappears with its line, from every file that may be written', () => {
    const texts = {
      '/etc/main.conf': '# a\nhostname = x\n\npidfile = /p hostname = y\n',
    };
    expect(written(texts, ['unset', 'hostname'])).toEqual({ '/etc/main.conf': '# a\n\npidfile = /p \n' });
    const made = plan({ '/etc/main.conf': 'readonly_include "b.conf"', '/etc/b.conf': 'hostname = x' }, [
      'unset',
      'hostname',
    ]);
    expect(made).toEqual({
      files: [],
      homeless: '',
      warnings: ['Hostname stays set in /etc/b.conf, which is read-only'],
    });
  });

  it('CONF-5.1 CONF-6.4 the file of local changes counts after everything, and its own values are replaced in it', () => {
    const texts = { '/etc/main.conf': 'hostname = a\n', [home]: 'hostname = b\n' };
    expect(checkedFiles(texts).result.tree.get('hostname')?.value).toBe('b');
    expect(written(texts, ['set', 'hostname', 'c'])).toEqual({ [home]: 'hostname = c\n' });
  });

  it('CONF-6.4 a file that somebody has edited since is not written', () => {
    const checked = checkedFiles({ '/etc/main.conf': 'hostname = a\n' });
    const running = treeOf(changedBy(checked, ['set', 'hostname', 'b'])).tree;
    const files = { ...checked.files, read: () => Buffer.from('hostname = c\n') };
    const loaded = checked.result.loaded!;
    expect(planWriteback({ loaded, stored: checked.result.tree, running, changesFile: home, files })).toBe(
      "'/etc/main.conf' was changed since it was read: reload first, or write to another file",
    );
  });
});
