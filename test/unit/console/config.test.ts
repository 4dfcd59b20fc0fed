import { describe, expect, it } from 'vitest';
import type { ConfigurationFacts, ReloadFacts } from '../../../src/console/facts.ts';
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

function nodeThat(reload: ConfigurationFacts['reload']) {
  return fakeNode({ configuration: { ask: async () => undefined, reload } });
}

describe('config reload', () => {
  it('CONF-10 reads the file it is given, or the one of the start', async () => {
    const files: (string | undefined)[] = [];
    const node = nodeThat(async (file) => {
      files.push(file);
      return applied;
    });
    expect((await type('config reload', node)).text).toBe(applied.report);
    await type('config reload /etc/Other.conf', node);
    expect(files).toEqual([undefined, '/etc/Other.conf']);
  });

  it('CONF-10 a refused one fails, with the findings before the verdict', async () => {
    const answer = await type(
      'config reload',
      nodeThat(async () => refused),
    );
    expect([answer.status, answer.text]).toEqual([1, refused.report]);
  });

  it('CMD-1 answers in XML and JSON', async () => {
    const node = nodeThat(async () => refused);
    expect((await type('xml config reload', node)).text).toContain(
      '<Reload><Applied>false</Applied><Finding code="CFG-2002" severity="error" file="a.conf" line="3" column="1">\'x&lt;y\' is not an option</Finding>',
    );
    expect(
      (
        await type(
          'xml config reload',
          nodeThat(async () => applied),
        )
      ).text,
    ).toContain('<Change>DuraVIP 10.0.0.1 added</Change><Need_Restart>servers</Need_Restart>');
    expect(JSON.parse((await type('json config reload', node)).text)).toEqual(refused);
  });

  it('CMD-20 more than one file is a wrong command', async () => {
    const answer = await type('config reload a b');
    expect([answer.status, answer.text]).toEqual([4, 'usage: config reload [<file>]\n']);
  });
});

async function said(line: string, node = fakeNode()) {
  const { status, text } = await type(line, node);
  return { status, text };
}

describe('the other config commands', () => {
  it('CMD-3 words go to the configuration with their case, and its answer is the answer', async () => {
    const asked: unknown[] = [];
    const node = fakeNode({
      configuration: {
        ask: async (verb, words, by) => {
          asked.push([verb, words, by.identity.user]);
          return { isDone: verb !== 'commit', text: `${verb}\n` };
        },
        reload: async () => applied,
      },
    });
    expect(await said('config SET Domain "Example.com" Gateway = x', node)).toEqual({
      status: 0,
      text: 'set\n',
    });
    expect(await said('config commit', node)).toEqual({ status: 1, text: 'commit\n' });
    expect(await said('write config /tmp/x', node)).toEqual({ status: 0, text: 'write\n' });
    expect(asked).toEqual([
      ['set', ['Domain', 'Example.com', 'Gateway', '=', 'x'], ''],
      ['commit', [], ''],
      ['write', ['/tmp/x'], ''],
    ]);
  });

  it('CMD-20 words that are no command of that verb are answered with its syntax', async () => {
    expect(await said('config get')).toEqual({
      status: 4,
      text: 'usage: config get [<scope> [<name>]]... <option>\n',
    });
    expect(await said('config begin at once')).toEqual({
      status: 4,
      text: 'usage: config begin [from scratch]\n',
    });
  });
});
