/** The manager's commands for nodes, over plain data. */
import { describe, expect, it } from 'vitest';
import type { Format } from '../../../src/console/answer.ts';
import { complete, type ServerCommands } from '../../../src/console/client/completion.ts';
import { managerRegistry } from '../../../src/console/commands/all.ts';
import type { DispatchFacts, ManagerFacts, NodeAnswer } from '../../../src/console/facts.ts';
import type { CommandTarget } from '../../../src/core/command-target.ts';
import { fakeNode, interpreterOf } from './fake-node.ts';

const timeMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function answer(node: string, text: string, more: Partial<NodeAnswer> = {}): NodeAnswer {
  const privateName = `#ec0-00007#${node}`;
  const facts = { node, privateName, state: 'whole', status: 0, timeMs } as const;
  return {
    ...facts,
    async *text() {
      yield* text;
    },
    ...more,
  };
}

const silent = (node: string) =>
  answer(node, '', { state: 'waiting', privateName: undefined, status: undefined, timeMs: undefined });

/** A manager of west1 and east1, for which all commands have these answers. */
function manager(answers: readonly NodeAnswer[] = []) {
  const sent: [CommandTarget, string][] = [];
  const asked: unknown[] = [];
  const waited: number[] = [];
  let flushed = 0;
  const dispatch: DispatchFacts = {
    send: async (to, line) => {
      if (to.kind === 'node' && to.node === 'nobody') return { problem: 'No such node: nobody' };
      sent.push([to, line]);
      return { command: 'c1', nodes: to.kind === 'all' ? 2 : 1 };
    },
    settled: async (_, waitMs) => void waited.push(waitMs),
    answers: async (line, choice) => {
      asked.push([line, choice]);
      return answers;
    },
    knows: (to) => to.kind === 'all' || (to.kind === 'node' ? to.node === 'west1' : to.subcluster === 'west'),
    flush: async () => void flushed++,
  };
  const facts = { ...fakeNode(), dispatch: () => dispatch } as unknown as ManagerFacts;
  const interpreter = interpreterOf(
    managerRegistry({ ...facts, pulledLogs: { list: async () => [], pullers: () => [] } }),
  );
  const say = async (line: string, format: Format = 'text') => {
    const { text, status } = await interpreter.answer(line, format);
    return `${status}: ${text}`;
  };
  return { say, sent, asked, waited, flushed: () => flushed };
}

describe('commands of a manager for nodes', () => {
  it('MGR-16 what version 2 had for configurations is no command: there is the repository', async () => {
    for (const line of ['fetch west1 config', 'copy running config'])
      expect(await manager().say(line)).toBe('2: Unknown command\n');
  });

  it('MGR-18 a program that speaks only to the manager has what one node says as data, in one exchange', async () => {
    const { say, waited } = manager([answer('west1', '<Membership/>')]);
    const reply = await say('unicast -w 5 west1 xml cluster membership', 'json');
    expect(reply.slice(0, 3)).toBe('0: ');
    expect(JSON.parse(reply.slice(3))).toMatchObject({
      command: 'xml cluster membership',
      responses: [{ node: 'west1', status: 0, text: '<Membership/>' }],
    });
    expect(waited).toEqual([5000]);
  });

  it('CON-16 help tells a console which commands of nodes can stand behind which words', async () => {
    const help = JSON.parse((await manager().say('help', 'json')).replace('0: ', '')) as ServerCommands;
    for (const line of ['broadcast -w', 'unicast west1', 'subcluster broadcast west', 'retrieve'])
      expect(complete(`${line} cluster dur`, help)).toEqual([['duravip '], 'dur']);
    expect(complete('retrieve_node west1 ver', help)).toEqual([['version '], 'ver']);
    expect(complete('subcluster retrieve west cluster arp ', help)).toEqual([['show '], '']);
    expect(complete('broad', help)).toEqual([['broadcast '], 'broad']);
    expect(complete('cluster ', help)).toEqual([[], '']);
  });

  it('MGR-6 MGR-7 MGR-10 are sent at once to all, to one, to a subcluster', async () => {
    const { say, sent, waited } = manager();
    expect(await say('broadcast config reload')).toBe('0: Broadcast to 2 nodes: config reload\n');
    expect(await say('unicast west1 cluster info')).toBe('0: Sent to west1: cluster info\n');
    expect(await say('subcluster broadcast west pid')).toBe('0: Broadcast to 1 node of west: pid\n');
    expect(sent).toEqual([
      [{ kind: 'all' }, 'config reload'],
      [{ kind: 'node', node: 'west1' }, 'cluster info'],
      [{ kind: 'subcluster', subcluster: 'west' }, 'pid'],
    ]);
    expect(waited).toEqual([]);
    expect(await say('unicast nobody pid')).toBe('1: No such node: nobody\n');
  });

  it('MGR-8 spaces and needless quotes make no other command, capitals and quotes that are needed do', async () => {
    const { say, sent } = manager();
    for (const line of [
      'broadcast  config   set "a" "b c"',
      'BROADCAST config set a "b c"',
      'broadcast Config set a "b\\"c"',
    ])
      await say(line);
    expect(sent.map(([, line]) => line)).toEqual([
      'config set a "b c"',
      'config set a "b c"',
      'Config set a "b\\"c"',
    ]);
  });

  it('MGR-6 -w waits for the answers, 5 s or as long as it says, and prints them; status 1 when one is missing or bad', async () => {
    const good = manager([answer('east1', 'v1\n')]);
    expect(await good.say('broadcast -w version')).toBe(
      '0: == east1 (#ec0-00007#east1) 2026-01-02T03:04:05.678Z [0]\nv1\n',
    );
    expect(await good.say('unicast -w 20 east1 version')).toMatch(/^0: /);
    expect(good.waited).toEqual([5_000, 20_000]);
    expect(good.asked).toEqual([
      ['version', { command: 'c1' }],
      ['version', { command: 'c1' }],
    ]);
    expect(await manager([answer('east1', ''), silent('west1')]).say('broadcast -w version')).toMatch(/^1: /);
    expect(await manager([answer('east1', '', { status: 2 })]).say('broadcast -w version')).toMatch(/^1: /);
  });

  it('MGR-8 MGR-9 MGR-10 MGR-11 what was answered, in order of nodes; who has not; what lacks parts', async () => {
    const { say, asked } = manager([
      answer('east1', 'without an end'),
      silent('east2'),
      answer('west1', 'half\n', { state: 'arriving', status: undefined }),
      answer('west2', '', { state: 'broken', status: undefined }),
      answer('west3', 'usage: x\n', { status: 4 }),
    ]);
    expect(
      await say('retrieve cluster info'),
    ).toBe(`0: == east1 (#ec0-00007#east1) 2026-01-02T03:04:05.678Z [0]
without an end
== east2 (no response yet)
== west1 (#ec0-00007#west1) 2026-01-02T03:04:05.678Z [incomplete]
half
== west2 (#ec0-00007#west2) 2026-01-02T03:04:05.678Z [incomplete]
== west3 (#ec0-00007#west3) 2026-01-02T03:04:05.678Z [4]
usage: x
`);
    await say('retrieve_node west1 cluster info');
    await say('subcluster retrieve west cluster info');
    expect(asked).toEqual([
      ['cluster info', {}],
      ['cluster info', { node: 'west1' }],
      ['cluster info', { subcluster: 'west' }],
    ]);
  });

  it('MGR-9 MGR-10 MGR-11 nothing known: no such node, no such subcluster, no responses', async () => {
    const { say } = manager();
    expect(await say('retrieve "b c"')).toBe('1: No responses for: "b c"\n');
    expect(await say('retrieve_node west1 pid')).toBe('1: No responses for: pid\n');
    expect(await say('retrieve_node west9 pid')).toBe('1: No such node: west9\n');
    expect(await say('subcluster retrieve west pid')).toBe('1: No responses for: pid\n');
    expect(await say('subcluster retrieve moon pid')).toBe('1: No such subcluster: moon\n');
  });

  it('MGR-11 in XML and JSON', async () => {
    const { say } = manager([answer('east1', '<a> & "b"\n'), silent('west1')]);
    expect(await say('xml retrieve "a b" <c>')).toBe(
      '0: <Responses command="&quot;a b&quot; &lt;c&gt;">' +
        '<Response node="east1" private_name="#ec0-00007#east1" response="complete" status="0" time="2026-01-02T03:04:05.678Z">' +
        '&lt;a&gt; &amp; &quot;b&quot;\n</Response>' +
        '<Response node="west1" private_name="" response="none" status="" time=""></Response></Responses>\n',
    );
    expect(JSON.parse((await say('retrieve pid', 'json')).slice(3))).toEqual({
      command: 'pid',
      responses: [
        {
          node: 'east1',
          privateName: '#ec0-00007#east1',
          response: 'complete',
          status: 0,
          time: '2026-01-02T03:04:05.678Z',
          text: '<a> & "b"\n',
        },
        { node: 'west1', privateName: null, response: 'none', status: null, time: null, text: '' },
      ],
    });
  });

  it('MGR-6 MGR-11 the nodes get a line as it was typed; what is shown of it has no secret', async () => {
    const { say, sent, asked } = manager([answer('west1', 'done\n')]);
    const line = 'config set cluster bus_password = S3cret';
    const harmless = 'config set cluster bus_password = ...';
    expect(await say(`broadcast ${line}`)).toBe(`0: Broadcast to 2 nodes: ${harmless}\n`);
    expect(sent).toEqual([[{ kind: 'all' }, line]]);
    expect(await say(`retrieve ${line}`, 'xml')).toContain(`<Responses command="${harmless}">`);
    expect(JSON.parse((await say(`retrieve ${line}`, 'json')).slice(3))).toMatchObject({ command: harmless });
    expect(asked).toEqual([
      [line, {}],
      [line, {}],
    ]);
    expect(await manager().say(`retrieve ${line}`)).toBe(`1: No responses for: ${harmless}\n`);
  });

  it('MGR-12 flush control cache', async () => {
    const { say, flushed } = manager();
    expect(await say('flush control cache')).toBe('0: Control cache flushed.\n');
    expect(flushed()).toBe(1);
    expect(await say('flush control cache now')).toBe('4: usage: flush control cache\n');
    expect(flushed()).toBe(1);
  });

  it('CMD-20 words that are missing or wrong: usage, and nothing is sent', async () => {
    const { say, sent } = manager();
    const wrong = {
      broadcast: 'broadcast [-w [<seconds>]] <command>',
      'broadcast -w 5': 'broadcast [-w [<seconds>]] <command>',
      'broadcast -w 0 pid': 'broadcast [-w [<seconds>]] <command>',
      'broadcast -w 56 pid': 'broadcast [-w [<seconds>]] <command>',
      'unicast west1': 'unicast [-w [<seconds>]] <node> <command>',
      'subcluster broadcast west': 'subcluster broadcast [-w [<seconds>]] <subcluster> <command>',
      retrieve: 'retrieve <command>',
      'retrieve_node west1': 'retrieve_node <node> <command>',
      'subcluster retrieve west': 'subcluster retrieve <subcluster> <command>',
    };
    for (const [line, syntax] of Object.entries(wrong)) expect(await say(line)).toBe(`4: usage: ${syntax}\n`);
    expect(sent).toEqual([]);
  });

  it('MGR-14 info names one connection; -v adds the view', async () => {
    const { say } = manager();
    const info = `0: Daemon: nats://127.0.0.1:4222 [m:#ec0-22787#labrat-1]
Control Group: ec_console
Cluster Group: ec_cluster (labrat-4 is leader)
Logger Group: none
`;
    expect(await say('info')).toBe(info);
    expect(await say('info -v')).toBe(`${info}View: 7@labrat-4 (3 nodes, settled)\n`);
    expect(await say('info now')).toBe('4: usage: info [-v]\n');
    expect(await say('xml info')).not.toContain('Shared_Name');
  });

  it('CMD-21 MGR-15 a manager has its own commands and none of a node', async () => {
    const { say } = manager();
    for (const line of ['version', 'pid', 'help broadcast', 'show cluster membership', 'config reload'])
      expect(await say(line)).toMatch(/^0: /);
    for (const line of ['cluster info', 'cluster duravip show', 'cluster shared list'])
      expect(await say(line)).toBe('2: Unknown command\n');
  });
});
