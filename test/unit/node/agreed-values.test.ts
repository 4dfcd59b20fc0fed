import { describe, expect, it } from 'vitest';
import type { ViewChannel } from '../../../src/actors/ports.ts';
import type { NodeInfo, ViewMessage } from '../../../src/core/agreement/messages.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { AgreedValues } from '../../../src/node/agreed-values.ts';
import { Recorder } from '../recorder.ts';

const own = new Map([
  ['view_mature_time', '5'],
  ['control_group', 'ec_console'],
]);

/** A node that hears what `say` says, and the messages that reached whoever listens behind the comparison. */
function listening() {
  const recorder = new Recorder();
  const heard: ViewMessage[] = [];
  let deliver: (message: ViewMessage) => void = () => {};
  const channel: ViewChannel = {
    broadcast: () => true,
    send: () => false,
    onEcho: () => {},
    onMessage: (listener) => {
      deliver = listener;
    },
  };
  const watched = new AgreedValues(() => own, recorder.log).watching(channel);
  watched.onMessage((message) => heard.push(message));
  return { recorder, heard, watched, say: (message: ViewMessage) => deliver(message) };
}

const life = 'a'.repeat(32) as Incarnation;

function state(node: string, mustAgree?: ReadonlyMap<string, string>): ViewMessage {
  const info: NodeInfo = {
    incarnation: life,
    node,
    subcluster: 'default',
    type: 'Momentum',
    version: '0.1.0',
    address: '10.0.0.2',
    port: 4802,
    groups: [],
    ...(mustAgree && { mustAgree }),
  };
  return { kind: 'state', from: life, view: { epoch: 1, coordinator: life, nonce: 1 }, info };
}

describe('values that must be the same on all nodes', () => {
  it('CFG-2317 DVC-1 a difference is one warning that names option, values and node, however often it is told', () => {
    const { recorder, say } = listening();
    const other = new Map([...own, ['view_mature_time', '7']]);
    for (let i = 0; i < 3; i++) say(state('relay-2', other));
    say(state('relay-3', other));
    say(state('relay-2', new Map([...own, ['view_mature_time', '8']])));
    expect(recorder.texts()).toEqual([
      'warning: view_mature_time is 5 here and 7 on relay-2; it must be the same on all nodes',
      'warning: view_mature_time is 5 here and 7 on relay-3; it must be the same on all nodes',
      'warning: view_mature_time is 5 here and 8 on relay-2; it must be the same on all nodes',
    ]);
    expect(recorder.lines[0]?.fields).toEqual({ code: 'CFG-2317' });
  });

  it('CFG-2317 is silent about equal values, other versions and options unknown here; everything is passed on', () => {
    const { recorder, heard, watched, say } = listening();
    const said: ViewMessage[] = [
      state('relay-2', own),
      state('relay-3'),
      state('relay-4', new Map([['later_option', '1']])),
      { kind: 'solicit', from: life },
    ];
    for (const message of said) say(message);
    expect(recorder.lines).toEqual([]);
    expect(heard).toEqual(said);
    expect([watched.broadcast(said[3]!), watched.send(life, said[3]!)]).toEqual([true, false]);
  });

  it('CFG-2317 what strangers announce cannot fill memory or lines', () => {
    const { recorder, say } = listening();
    for (let i = 0; i < 3_000; i++)
      say(state('x'.repeat(1_000), new Map([['view_mature_time', `${i}y`.padEnd(9_999)]])));
    expect(recorder.lines).toHaveLength(1_000);
    expect(Math.max(...recorder.lines.map(({ text }) => text.length))).toBeLessThan(400);
  });
});
