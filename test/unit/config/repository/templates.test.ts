import { describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../../../src/config/check.ts';
import { globalTemplates, subclusterTemplates } from '../../../../src/config/repository/templates.ts';
import { memoryFiles } from '../memory-files.ts';

const conf = '/etc/flotilla/conf';
const texts = Object.fromEntries(
  Object.entries({ ...globalTemplates, ...subclusterTemplates }).map(([path, text]) => [
    `${conf}/${path}`,
    text,
  ]),
);

function check(file: string, more: Readonly<Record<string, string>> = {}) {
  const environment = { EC_NODE_NAME: 'relay-1' };
  return checkConfiguration({
    file,
    environment,
    hostname: 'relay-1',
    files: memoryFiles({ ...texts, ...more }),
  });
}

describe('CONF-1 what a new subcluster begins with', () => {
  it.each([
    [
      'ecelerity.conf',
      ['default/ecelerity.conf', 'default/ecelerity-cluster.conf', 'global/msgc_server.conf'],
    ],
    ['ecelerity-cluster.conf', ['default/ecelerity-cluster.conf', 'global/msgc_server.conf']],
    ['eccluster.conf', ['default/eccluster.conf', 'global/msgc_server.conf']],
  ])(
    '%s loads without a finding, with the files that it includes and the bus that is the same everywhere',
    (main, files) => {
      const { findings, settings, loaded } = check(main);
      expect(findings).toEqual([]);
      expect(settings?.nodename).toBe('relay-1');
      expect(loaded?.files.map(({ path }) => path)).toEqual(files.map((file) => `${conf}/${file}`));
    },
  );

  it('a file of the node itself comes in the place of that of all, as a whole', () => {
    const more = {
      [`${conf}/relay-1/ecelerity-cluster.conf`]: 'include "msgc_server.conf"\nhostname = mine\n',
    };
    const { loaded, tree } = check('ecelerity-cluster.conf', more);
    expect(loaded?.main.path).toBe(`${conf}/relay-1/ecelerity-cluster.conf`);
    expect(tree?.child('cluster', '')).toBeUndefined();
    expect(tree?.get('hostname')?.value).toBe('mine');
  });
});
