/** Shared objects over a wire: who gets what, large messages, and what is dropped. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryBus, type MemoryWire } from '../../../src/bus/memory.ts';
import { SharedBus } from '../../../src/bus/shared.ts';
import { encodeSharedMessage } from '../../../src/bus/shared-codec.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { Log, LogFields, LogLevel } from '../../../src/core/log.ts';
import { noChanges } from '../../../src/core/replica/changes.ts';
import type { Batch } from '../../../src/core/replica/messages.ts';
import type { ObjectMessage } from '../../../src/core/shared-object.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };

class Process {
  readonly incarnation: Incarnation;
  readonly wire: MemoryWire;
  readonly bus: SharedBus;
  readonly received: ObjectMessage[] = [];
  readonly logged: { level: LogLevel; text: string; fields: LogFields | undefined }[] = [];
  readonly counted: Record<string, number> = {};

  constructor(number: number, network: MemoryBus, clock: VirtualClock, maxPayloadBytes: number) {
    this.incarnation = String(number).repeat(32) as Incarnation;
    this.wire = network.connect(`s ${number}`, maxPayloadBytes);
    const note = (level: LogLevel) => (text: string, fields?: LogFields) =>
      this.logged.push({ level, text, fields });
    const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical'] as const;
    this.bus = new SharedBus(this.wire, {
      groups,
      self: this.incarnation,
      clock,
      random: new SeededRandom(number),
      log: Object.fromEntries(levels.map((level) => [level, note(level)])) as unknown as Log,
      counters: { add: (name, by = 1) => (this.counted[name] = (this.counted[name] ?? 0) + by) },
    });
    this.bus.onMessage('inbound_cidr', (message) => this.received.push(message));
    this.wire.setState('up');
  }

  batch(sequence: number, keys = 1, object = 'inbound_cidr'): Batch {
    const v4Keys = Uint32Array.from({ length: keys }, (_, i) => i);
    const changes = { ...noChanges, v4Keys, v4Values: new Float64Array(keys).fill(7) };
    return { kind: 'batch', object, type: 'inbound_cidr', from: this.incarnation, sequence, changes };
  }
}

let clock: VirtualClock;
let network: MemoryBus;
let a: Process;
let b: Process;
let c: Process;

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryBus(clock, () => [1]);
  [a, b, c] = [1, 2, 3].map((number) => new Process(number, network, clock, 4096)) as [
    Process,
    Process,
    Process,
  ];
});

function deliver(): void {
  clock.runUntil(clock.nowMs() + 10);
}

describe('shared objects on the bus', () => {
  it('a batch reaches everybody but its sender, a private message only whom it is for', () => {
    expect(a.bus.broadcast(a.batch(1))).toBe(true);
    expect(a.bus.send(b.incarnation, { ...a.batch(1), kind: 'snapshot-request', session: 1 })).toBe(true);
    deliver();
    expect([a, b, c].map(({ received }) => received.map(({ kind }) => kind))).toEqual([
      [],
      ['batch', 'snapshot-request'],
      ['batch'],
    ]);
  });

  it('BUS-15 a message larger than the transport takes is split and put together again', () => {
    a.bus.broadcast(a.batch(1, 10_000));
    deliver();
    expect(b.received).toEqual([a.batch(1, 10_000)]);
  });

  it('BUS-25 nothing is sent while the link is down, and the caller is told', () => {
    a.wire.setState('down');
    expect(a.bus.broadcast(a.batch(1))).toBe(false);
    a.wire.setState('up');
    deliver();
    expect(b.received).toEqual([]);
  });

  it('REP-4.16 malformed messages are counted, and logged once a minute for each sender', () => {
    const wrong = encodeSharedMessage(a.batch(1)).slice(0, 30);
    const publish = () => a.wire.publish('ec_cluster.shared.inbound_cidr', Uint8Array.from([0, ...wrong]));
    publish();
    publish();
    c.wire.publish('ec_cluster.shared.inbound_cidr', Uint8Array.of(7, 7));
    deliver();
    expect(b.counted).toEqual({ shared_malformed_messages_total: 3 });
    expect(b.logged.map(({ level, fields }) => [level, fields?.sender])).toEqual([
      ['error', a.incarnation],
      ['error', 'somebody unknown'],
    ]);
    clock.runUntil(59_000);
    publish();
    deliver();
    expect(b.logged).toHaveLength(2);
    clock.runUntil(61_000);
    publish();
    deliver();
    expect(b.logged).toHaveLength(3);
    a.bus.broadcast(a.batch(2));
    deliver();
    expect(b.received).toHaveLength(1);
  });

  it('REP-3.12 messages for an object nobody has here are counted, with one warning for each sender and object', () => {
    for (const object of ['other', 'other', 'third']) a.bus.broadcast(a.batch(1, 1, object));
    c.bus.broadcast(c.batch(1, 1, 'other'));
    deliver();
    expect(b.counted).toEqual({ shared_unknown_object_messages_total: 4 });
    expect(b.logged.map(({ level, fields }) => [level, fields?.from, fields?.object])).toEqual([
      ['warning', a.incarnation, 'other'],
      ['warning', a.incarnation, 'third'],
      ['warning', c.incarnation, 'other'],
    ]);
    expect(b.received).toEqual([]);
  });

  it('an object that is no longer here gets nothing more', () => {
    const stop = b.bus.onMessage('third', (message) => b.received.push(message));
    a.bus.broadcast(a.batch(1, 1, 'third'));
    deliver();
    stop();
    a.bus.broadcast(a.batch(2, 1, 'third'));
    deliver();
    expect(b.received.map((message) => message.kind === 'batch' && message.sequence)).toEqual([1]);
  });

  it('after close nothing is received', () => {
    b.bus.close();
    a.bus.broadcast(a.batch(1));
    deliver();
    expect(b.received).toEqual([]);
  });
});
