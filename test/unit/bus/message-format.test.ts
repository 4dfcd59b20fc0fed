/** What a process does with messages of a release that says more than it knows: never more than a line in its log. */
import { describe, expect, it } from 'vitest';
import type { ChannelOptions } from '../../../src/bus/channel.ts';
import { ClusterGroup } from '../../../src/bus/group.ts';
import { MemoryBus } from '../../../src/bus/memory.ts';
import { encodeObjectMessage } from '../../../src/bus/object-codec.ts';
import { ProgramBus } from '../../../src/bus/program-bus.ts';
import { encodeOrderedItem, encodeProgramMessage } from '../../../src/bus/program-codec.ts';
import { SharedBus } from '../../../src/bus/shared.ts';
import { subjects } from '../../../src/bus/subjects.ts';
import { encodeViewMessage } from '../../../src/bus/view-codec.ts';
import { VipBus } from '../../../src/bus/vip-bus.ts';
import { encodeDecision, encodeVipMessage } from '../../../src/bus/vip-codec.ts';
import type { Wire } from '../../../src/bus/wire.ts';
import { type Incarnation, newIncarnation } from '../../../src/core/identity.ts';
import { noChanges } from '../../../src/core/replica/changes.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
const [versionAt, kindAt, typeAt] = [0, 1, 18];
/** Behind what each knows. */
const [laterVersion, laterKind, laterType] = [2, 250, 200];

interface Kind {
  readonly name: string;
  readonly subject: string;
  readonly bytes: (from: Incarnation) => Uint8Array;
  readonly listen: (wire: Wire, options: ChannelOptions, heard: () => void) => void;
}

const kinds: readonly Kind[] = [
  {
    name: 'view agreement',
    subject: subjects.views(groups, 'goodbye'),
    bytes: (from) => encodeViewMessage({ kind: 'goodbye', from }),
    listen: (wire, options, heard) => new ClusterGroup(wire, options).onMessage(heard),
  },
  {
    name: 'floating addresses',
    subject: subjects.vips(groups, 'solicit'),
    bytes: (from) => encodeVipMessage({ kind: 'solicit', from, want: 'claims' }),
    listen: (wire, options, heard) => new VipBus(wire, options).onMessage(heard),
  },
  {
    name: 'programs',
    subject: subjects.programs(groups, 'multicast'),
    bytes: (from) =>
      encodeProgramMessage({ kind: 'multicast', from, number: 1, group: 'g', payload: new Uint8Array(3) }),
    listen: (wire, options, heard) => new ProgramBus(wire, options).onMessage(heard),
  },
  {
    name: 'shared objects',
    subject: subjects.shared(groups, 'inbound_cidr'),
    bytes: (from) =>
      encodeObjectMessage({
        kind: 'batch',
        from,
        type: 'inbound_cidr',
        object: 'inbound_cidr',
        sequence: 1,
        changes: noChanges,
      }),
    listen: (wire, options, heard) => new SharedBus(wire, options).onMessage('inbound_cidr', heard),
  },
];

function changed(bytes: Uint8Array, at: number, to: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? to : byte));
}

class Listening {
  readonly clock = new VirtualClock();
  readonly recorder = new Recorder();
  readonly #random = new SeededRandom(1);
  readonly #other = newIncarnation(this.#random);
  readonly #bus = new MemoryBus(this.clock, () => [1]);
  readonly #sender = this.#bus.connect('sender');
  readonly #kind: Kind;
  heard = 0;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#sender.setState('up');
    const wire = this.#bus.connect('listener');
    wire.setState('up');
    kind.listen(wire, this.options, () => this.heard++);
  }

  get options(): ChannelOptions {
    const { clock, recorder } = this;
    const { log, counters } = recorder;
    return { groups, self: newIncarnation(this.#random), clock, random: this.#random, log, counters };
  }

  send(change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes): void {
    const body = change(this.#kind.bytes(this.#other));
    this.#sender.publish(this.#kind.subject, Uint8Array.of(0, ...body));
    this.clock.runUntil(this.clock.nowMs() + 10);
  }
}

describe('messages of another release', () => {
  it.each(kinds)('MSG-2 of $name are dropped and counted, and one line a minute says why', (kind) => {
    const listening = new Listening(kind);
    const { recorder, clock } = listening;
    const later = (bytes: Uint8Array) => changed(bytes, versionAt, laterVersion);
    listening.send(later);
    listening.send(later);
    expect(recorder.lines).toMatchObject([{ level: 'warning', fields: { code: 'FLT-1209', heldBack: 0 } }]);
    expect(recorder.lines[0]?.text).toContain('dropped: format 2, this release reads format 1');
    clock.runUntil(61_000);
    listening.send((bytes) => changed(bytes, kindAt, laterKind));
    expect(recorder.lines).toHaveLength(2);
    expect(recorder.lines[1]).toMatchObject({ fields: { code: 'FLT-1209', heldBack: 1 } });
    expect(recorder.lines[1]?.text).toContain(`kind ${laterKind}, which this release does not know`);
    expect(recorder.counted.get('bus_unknown_format_messages_total')).toBe(3);
    expect(listening.heard).toBe(0);
    listening.send();
    expect(listening.heard).toBe(1);
  });

  it('MSG-2 a shared object of a type that only later releases have is named as such', () => {
    const listening = new Listening(kinds.find(({ name }) => name === 'shared objects')!);
    listening.send((bytes) => changed(bytes, typeAt, laterType));
    expect(listening.recorder.texts()).toEqual([
      `warning: replication message dropped: type ${laterType} of shared objects, which this release does not know`,
    ]);
  });

  it('MSG-2 what is malformed in a known format is no matter of releases', () => {
    for (const kind of kinds) {
      const listening = new Listening(kind);
      listening.send((bytes) => bytes.subarray(0, 10));
      expect(listening.recorder.counted.get('bus_unknown_format_messages_total')).toBeUndefined();
      expect(listening.recorder.lines).toMatchObject([{ level: 'error', fields: { code: 'FLT-1205' } }]);
    }
  });
});

describe('ordered messages of another release', () => {
  const decision = encodeDecision({ verb: 'mature', sequence: 1, matured: [], assignments: [] });
  const item = encodeOrderedItem({
    from: newIncarnation(new SeededRandom(2)),
    item: { kind: 'groups', groups: [] },
  });

  /** As every member decodes what comes in the one order: both ask whether it is theirs. */
  function delivered(payload: Uint8Array): { texts: string[]; decoded: boolean } {
    const listening = new Listening(kinds[0]!);
    const wire = new MemoryBus(listening.clock, () => [1]).connect('member');
    const program = new ProgramBus(wire, listening.options).decode(payload);
    const vip = new VipBus(wire, listening.options).decode(payload);
    return { texts: listening.recorder.texts(), decoded: program !== undefined || vip !== undefined };
  }

  it('MSG-2 are skipped with one line, whoever they are for', () => {
    expect(delivered(decision)).toEqual({ texts: [], decoded: true });
    expect(delivered(item)).toEqual({ texts: [], decoded: true });
    expect(delivered(changed(decision, 1, laterVersion))).toEqual({
      texts: ['warning: decision about addresses dropped: format 2, this release reads format 1'],
      decoded: false,
    });
    expect(delivered(changed(item, 1, laterVersion))).toEqual({
      texts: ['warning: ordered message dropped: format 2, this release reads format 1'],
      decoded: false,
    });
    expect(delivered(changed(item, 0, 99))).toEqual({
      texts: ['warning: ordered message dropped: mark 99, which this release does not know'],
      decoded: false,
    });
  });
});
