import { describe, expect, it } from 'vitest';
import type { ReloadFacts } from '../../../src/console/facts.ts';
import { fakeNode, type } from './fake-node.ts';

const finding = {
  file: 'a.conf',
  line: 3,
  column: 1,
  severity: 'error',
  code: 'CFG-2002',
  message: "'x<y' is not an option",
};
const refused: ReloadFacts = {
  applied: false,
  report: "a.conf:3:1: error CFG-2002: 'x<y' is not an option\nReconfigure failed.\n",
  findings: [finding],
  changes: [],
  needRestart: [],
};
const applied: ReloadFacts = {
  applied: true,
  report: 'Reconfigured:\n  DuraVIP 10.0.0.1 added\nNot applied, needs a restart:\n  servers\n',
  findings: [],
  changes: ['DuraVIP 10.0.0.1 added'],
  needRestart: ['servers'],
};

describe('config reload', () => {
  it('CONF-10 reads the file it is given, or the one of the start', async () => {
    const files: (string | undefined)[] = [];
    const node = fakeNode({
      reload: async (file) => {
        files.push(file);
        return applied;
      },
    });
    expect((await type('config reload', node)).text).toBe(applied.report);
    await type('config reload /etc/Other.conf', node);
    expect(files).toEqual([undefined, '/etc/Other.conf']);
  });

  it('CONF-10 a refused one fails, with the findings before the verdict', async () => {
    const answer = await type('config reload', fakeNode({ reload: async () => refused }));
    expect([answer.status, answer.text]).toEqual([1, refused.report]);
  });

  it('CMD-1 answers in XML and JSON', async () => {
    const node = fakeNode({ reload: async () => refused });
    expect((await type('xml config reload', node)).text).toContain(
      '<Reload><Applied>false</Applied><Finding code="CFG-2002" severity="error" file="a.conf" line="3" column="1">\'x&lt;y\' is not an option</Finding>',
    );
    expect((await type('xml config reload', fakeNode({ reload: async () => applied }))).text).toContain(
      '<Change>DuraVIP 10.0.0.1 added</Change><Need_Restart>servers</Need_Restart>',
    );
    expect(JSON.parse((await type('json config reload', node)).text)).toEqual(refused);
  });

  it('CMD-20 more than one file is a wrong command', async () => {
    const answer = await type('config reload a b');
    expect([answer.status, answer.text]).toEqual([4, 'usage: config reload [<file>]\n']);
  });
});
