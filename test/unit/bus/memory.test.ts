import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBus, type Transit } from '../../../src/bus/memory.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

function twoWires(transit: Transit = () => [1]) {
  const clock = new VirtualClock();
  const bus = new MemoryBus(clock, transit);
  const [from, to] = [bus.connect('from'), bus.connect('to')];
  const got: string[] = [];
  to.subscribe('news', ({ data }) => got.push(text(data)));
  from.setState('up');
  to.setState('up');
  return { clock, bus, from, to, got };
}

describe('the bus in memory', () => {
  it('BUS-8 always: messages of one publisher arrive in the order sent, whatever the delays', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 30 }), (delays) => {
        const left = [...delays];
        const { clock, from, got } = twoWires(() => [left.shift() ?? 0]);
        const sent = delays.map((_, i) => String(i));
        for (const each of sent) {
          from.publish('news', bytes(each));
          clock.runUntil(clock.nowMs() + 3);
        }
        clock.runUntil(1_000);
        expect(got).toEqual(sent);
      }),
    );
  });

  it('a transit without copies is a loss, with two it is a repetition', () => {
    const fates = [[], [1, 2], [1]];
    const { clock, from, got } = twoWires(() => fates.shift() ?? []);
    for (const each of ['lost', 'twice', 'once']) from.publish('news', bytes(each));
    clock.runUntil(100);
    expect(got).toEqual(['twice', 'twice', 'once']);
  });

  it('BUS-25 nothing is kept while the link is down: publish says so', () => {
    const { clock, from, got } = twoWires();
    from.setState('down');
    expect(from.publish('news', bytes('gone'))).toBe(false);
    from.setState('up');
    clock.runUntil(100);
    expect(got).toEqual([]);
  });

  it('BUS-25 what is under way to a link that breaks is lost, also when it is up again before it would arrive', () => {
    const { clock, from, to, got } = twoWires(() => [10]);
    from.publish('news', bytes('under way'));
    clock.runUntil(5);
    to.setState('down');
    to.setState('up');
    from.publish('news', bytes('after'));
    clock.runUntil(100);
    expect(got).toEqual(['after']);
  });

  it('a wildcard stands for one token, > for one or more', () => {
    const { clock, bus, from } = twoWires();
    const seen: Record<string, string[]> = {};
    const wire = bus.connect('listener');
    wire.setState('up');
    for (const pattern of ['a.*', 'a.>', 'a.b', '*.b', '>']) {
      seen[pattern] = [];
      wire.subscribe(pattern, ({ subject }) => seen[pattern]!.push(subject));
    }
    for (const subject of ['a', 'a.b', 'a.b.c', 'x.b']) from.publish(subject, bytes(''));
    clock.runUntil(100);
    expect(seen).toEqual({
      'a.*': ['a.b'],
      'a.>': ['a.b', 'a.b.c'],
      'a.b': ['a.b'],
      '*.b': ['a.b', 'x.b'],
      '>': ['a', 'a.b', 'a.b.c', 'x.b'],
    });
  });

  it('a message shows its subject, reply and headers', () => {
    const { clock, bus, from } = twoWires();
    const wire = bus.connect('listener');
    wire.setState('up');
    const seen: unknown[] = [];
    wire.subscribe('news', ({ subject, reply, header }) =>
      seen.push([subject, reply, header('Node'), header('Other')]),
    );
    from.publish('news', bytes(''), { reply: 'inbox', headers: { Node: 'relay-1' } });
    from.publish('news', bytes(''));
    clock.runUntil(100);
    expect(seen).toEqual([
      ['news', 'inbox', 'relay-1', undefined],
      ['news', '', undefined, undefined],
    ]);
  });

  it('who has unsubscribed, or closed the wire, hears no more, and a closed wire stays closed', async () => {
    const { clock, from, to, got } = twoWires();
    const extra: string[] = [];
    const subscription = to.subscribe('news', ({ data }) => extra.push(text(data)));
    subscription.unsubscribe();
    from.publish('news', bytes('one'));
    clock.runUntil(10);
    await to.close();
    to.setState('up');
    from.publish('news', bytes('two'));
    clock.runUntil(20);
    expect([got, extra, to.state]).toEqual([['one'], [], 'closed']);
  });

  it('listeners hear each change of state once, until they stop listening', () => {
    const { to } = twoWires();
    const states: string[] = [];
    const stop = to.onState((state) => states.push(state));
    for (const state of ['down', 'down', 'up'] as const) to.setState(state);
    stop();
    to.setState('down');
    expect(states).toEqual(['down', 'up']);
  });

  it('a gate holds back what arrives', () => {
    const { clock, bus, from } = twoWires();
    const held: (() => void)[] = [];
    const stopped = bus.connect('stopped', 1_000, (run) => held.push(run));
    const got: string[] = [];
    stopped.subscribe('news', ({ data }) => got.push(text(data)));
    stopped.setState('up');
    from.publish('news', bytes('later'));
    clock.runUntil(100);
    expect(got).toEqual([]);
    for (const run of held) run();
    expect(got).toEqual(['later']);
  });
});
