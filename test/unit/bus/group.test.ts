import { describe, expect, it } from 'vitest';
import { ClusterGroup } from '../../../src/bus/group.ts';
import { MemoryBus, type Transit } from '../../../src/bus/memory.ts';
import { subjects } from '../../../src/bus/subjects.ts';
import type { ViewMessage } from '../../../src/core/agreement/messages.ts';
import { type Incarnation, newIncarnation } from '../../../src/core/identity.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };

class Fleet {
  readonly clock = new VirtualClock();
  readonly bus: MemoryBus;
  readonly #random = new SeededRandom(1);

  constructor(transit: Transit = () => [1]) {
    this.bus = new MemoryBus(this.clock, transit);
  }

  member(maxPayloadBytes = 1_000) {
    const self = newIncarnation(this.#random);
    const wire = this.bus.connect(self, maxPayloadBytes);
    const recorder = new Recorder();
    const group = new ClusterGroup(wire, {
      groups,
      self,
      clock: this.clock,
      random: this.#random,
      log: recorder.log,
      counters: recorder.counters,
    });
    const got: ViewMessage[] = [];
    group.onMessage((message) => got.push(message));
    wire.setState('up');
    return { self, wire, group, got, recorder };
  }

  settle(): void {
    this.clock.runUntil(this.clock.nowMs() + 100);
  }
}

const commitOf = (from: Incarnation, payloadBytes: number): ViewMessage => ({
  kind: 'commit',
  from,
  ballot: { epoch: 1, coordinator: from, nonce: 1 },
  members: [],
  flush: [
    {
      view: { epoch: 0, coordinator: from, nonce: 0 },
      upTo: 1,
      entries: [{ number: 1, payload: new Uint8Array(payloadBytes).fill(7) }],
      survivors: [from],
    },
  ],
});

describe('the cluster group', () => {
  it('BUS-6 everybody but the sender gets a broadcast', () => {
    const fleet = new Fleet();
    const [a, b, c] = [fleet.member(), fleet.member(), fleet.member()];
    const message: ViewMessage = { kind: 'goodbye', from: a.self };
    expect(a.group.broadcast(message)).toBe(true);
    fleet.settle();
    expect([a.got, b.got, c.got]).toEqual([[], [message], [message]]);
  });

  it('ID-21 a private message reaches one life of one process', () => {
    const fleet = new Fleet();
    const [a, b, c] = [fleet.member(), fleet.member(), fleet.member()];
    const message: ViewMessage = { kind: 'solicit', from: a.self };
    a.group.send(b.self, message);
    fleet.settle();
    expect([b.got, c.got]).toEqual([[message], []]);
  });

  it('GRP-2 another cluster group on the same bus hears nothing', () => {
    const fleet = new Fleet();
    const a = fleet.member();
    const subjectsSeen: string[] = [];
    const wire = fleet.bus.connect('observer');
    wire.setState('up');
    wire.subscribe('>', ({ subject }) => subjectsSeen.push(subject));
    a.group.broadcast({ kind: 'goodbye', from: a.self });
    a.group.send(a.self, { kind: 'solicit', from: a.self });
    fleet.settle();
    expect(subjectsSeen).toEqual(['ec_cluster.view.goodbye', `ec_cluster.to.${a.self}.view`]);
  });

  it('BUS-15 what is larger than the transport allows arrives whole, among messages of others', () => {
    const fleet = new Fleet();
    const [a, b, c] = [fleet.member(64), fleet.member(64), fleet.member(64)];
    const [fromA, fromB] = [commitOf(a.self, 5_000), commitOf(b.self, 3_000)];
    a.group.broadcast(fromA);
    b.group.broadcast(fromB);
    fleet.settle();
    expect(c.got).toHaveLength(2);
    expect(c.got).toEqual(expect.arrayContaining([fromA, fromB]));
  });

  it('BUS-15 a message of which a fragment is lost is never seen, and the next one is', () => {
    let parts = 0;
    const fleet = new Fleet((from, to) => (from !== to && ++parts === 3 ? [] : [1]));
    const [a, b] = [fleet.member(64), fleet.member(64)];
    a.group.broadcast(commitOf(a.self, 500));
    a.group.broadcast({ kind: 'goodbye', from: a.self });
    fleet.settle();
    expect(b.got.map(({ kind }) => kind)).toEqual(['goodbye']);
  });

  it('BUS-25 a broadcast on a link that is down is refused', () => {
    const fleet = new Fleet();
    const a = fleet.member();
    a.wire.setState('down');
    expect(a.group.broadcast({ kind: 'goodbye', from: a.self })).toBe(false);
  });

  it('MSG-1 malformed and foreign messages are counted, logged once a minute with their subject, and dropped', () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.member(), fleet.member()];
    const subject = subjects.views(groups, 'beat');
    const nonsense = [[], [0], [0, 1], [1, 2, 3], [7, 7], [0, 1, 0, 1]];
    for (const bytes of nonsense) b.wire.publish(subject, Uint8Array.from(bytes));
    fleet.settle();
    expect(a.got).toEqual([]);
    expect(a.recorder.counted.get('bus_malformed_messages_total')).toBe(nonsense.length);
    expect(a.recorder.texts()).toEqual([
      'error: malformed or foreign message on ec_cluster.view.beat dropped',
    ]);
    fleet.clock.runUntil(59_000);
    b.wire.publish(subject, Uint8Array.of(9));
    fleet.settle();
    expect(a.recorder.lines).toHaveLength(1);
    fleet.clock.runUntil(61_000);
    b.wire.publish(subject, Uint8Array.of(9));
    fleet.settle();
    expect(a.recorder.lines).toHaveLength(2);
    expect(a.recorder.counted.get('bus_malformed_messages_total')).toBe(nonsense.length + 2);
  });

  it('a closed group hears nothing more', () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.member(), fleet.member()];
    b.group.close();
    a.group.broadcast({ kind: 'goodbye', from: a.self });
    fleet.settle();
    expect(b.got).toEqual([]);
  });
});
