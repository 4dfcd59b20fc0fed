import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mainFilesFor } from '../../../src/cli/cfg-place.ts';

let conf: string;

beforeEach(() => {
  conf = mkdtempSync(join(tmpdir(), 'flotilla-main-'));
});

afterEach(() => rmSync(conf, { recursive: true }));

function found(...present: string[]): string[] {
  for (const path of present) {
    mkdirSync(dirname(join(conf, path)), { recursive: true });
    writeFileSync(join(conf, path), '');
  }
  const path = ['global', '{NODENAME}', 'default'].map((directory) => `${conf}/${directory}`).join(':');
  const files = mainFilesFor({ EC_NODE_NAME: 'relay-1', EC_CONF_SEARCH_PATH: path });
  return files.map((file) => file.slice(conf.length + 1));
}

it('CONF-6.1 CONF-11.5 the main file of the node itself says where its bus is, whatever it is called', () => {
  const templates = ['default/ecelerity.conf', 'default/ecelerity-cluster.conf', 'default/eccluster.conf'];
  expect(found(...templates)).toEqual(templates);
  expect(found('relay-2/ecelerity-cluster.conf')).toEqual(templates);
  expect(found('relay-1/ecelerity-cluster.conf')).toEqual([
    'relay-1/ecelerity-cluster.conf',
    'default/ecelerity.conf',
    'default/eccluster.conf',
  ]);
});
