import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { watchEvidence } from '../../../src/bus/evidence.ts';
import { MemoryBus } from '../../../src/bus/memory.ts';
import { connectionName } from '../../../src/bus/subjects.ts';
import type { Incarnation, LinkName } from '../../../src/core/identity.ts';
import type { Log } from '../../../src/core/log.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

const life = (digit: string) => digit.repeat(32) as Incarnation;
const silent = new Proxy({}, { get: () => () => {} }) as Log;

interface Happening {
  readonly what: 'CONNECT' | 'DISCONNECT';
  readonly link: LinkName;
  readonly life: Incarnation;
  /** Which connection of the link, as the servers number them. */
  readonly connection: { readonly server: string; readonly id: number };
  readonly reason?: string;
}

const first = { server: 'NEAR', id: 7 };
const second = { server: 'NEAR', id: 8 };

function watched() {
  const clock = new VirtualClock();
  const bus = new MemoryBus(clock, () => [0]);
  const [wire, servers] = [bus.connect('watcher'), bus.connect('servers')];
  wire.setState('up');
  servers.setState('up');
  const counts = new Map<string, number>();
  const counters = { add: (name: string, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by) };
  const evidence = watchEvidence({ wire, log: silent, counters });
  const closed: Incarnation[] = [];
  evidence.onClosed((incarnation) => closed.push(incarnation));
  const publish = (what: string, data: Uint8Array) => {
    servers.publish(`$SYS.ACCOUNT.FLEET.${what}`, data);
    clock.runUntil(clock.nowMs() + 1);
  };
  const report = ({ what, link, life, connection, reason }: Happening) => {
    const server = { id: connection.server, name: 'near', ver: '2.9.10' };
    const client = { id: connection.id, acc: 'FLEET', name: connectionName(link, 'relay-1', life) };
    const type = 'io.nats.server.advisory.v1';
    publish(what, new TextEncoder().encode(JSON.stringify({ type, server, client, reason })));
  };
  const ends = (link: LinkName, reason: string, of = life('a'), connection = first) =>
    report({ what: 'DISCONNECT', link, life: of, connection, reason });
  const connects = (link: LinkName, of = life('a'), connection = first) =>
    report({ what: 'CONNECT', link, life: of, connection });
  return { wire, evidence, closed, counts, publish, report, ends, connects };
}

const endOf =
  ({ connection }: Happening) =>
  (h: Happening) =>
    h.what === 'DISCONNECT' && h.connection === connection;

describe('closed evidence', () => {
  it.each([
    ['Client Closed', 'Client Closed'],
    ['Read Error', 'Read Error'],
    ['Read Error', 'Client Closed'],
  ])('BUS-21 both links ended by %s and %s, in any order: reported once', (first, second) => {
    for (const links of [
      ['m', 's'],
      ['s', 'm'],
    ] as const) {
      const { ends, closed } = watched();
      ends(links[0], first);
      expect(closed).toEqual([]);
      ends(links[1], second);
      expect(closed).toEqual([life('a')]);
    }
  });

  it('BUS-21 one link alone proves nothing, nor do links of different lives', () => {
    const { ends, closed } = watched();
    ends('m', 'Client Closed');
    ends('m', 'Client Closed');
    ends('s', 'Client Closed', life('b'));
    expect(closed).toEqual([]);
  });

  it.each(['Stale Connection', 'Slow Consumer', 'Server Shutdown', 'Kicked', ''])(
    'BUS-21 the reason "%s" is silence',
    (reason) => {
      const { ends, closed } = watched();
      ends('m', reason);
      ends('s', reason);
      ends('m', 'Read Error', life('b'));
      ends('s', reason, life('b'));
      expect(closed).toEqual([]);
    },
  );

  it('BUS-21 a link known to be down for another reason counts as ended when the other one closes', () => {
    const { ends, closed } = watched();
    ends('s', 'Stale Connection');
    ends('m', 'Read Error');
    expect(closed).toEqual([life('a')]);
  });

  it('a link that connects again is forgotten', () => {
    const { ends, connects, closed } = watched();
    ends('s', 'Client Closed');
    connects('s');
    ends('m', 'Client Closed');
    expect(closed).toEqual([]);
    ends('s', 'Client Closed');
    expect(closed).toEqual([life('a')]);
  });

  it.each([
    ['by its number', first, second],
    ['by its server', first, { ...first, server: 'FAR' }],
  ])(
    'BUS-21 the late end of an older connection of a link, told %s, is no end of the link',
    (_, old, newer) => {
      const { ends, connects, closed } = watched();
      connects('s', life('a'), newer);
      ends('s', 'Client Closed', life('a'), old);
      ends('m', 'Client Closed');
      expect(closed).toEqual([]);
      ends('s', 'Client Closed', life('a'), newer);
      expect(closed).toEqual([life('a')]);
    },
  );

  it('after a loss of its own connection the watcher knows nothing', () => {
    const { wire, ends, closed } = watched();
    ends('s', 'Client Closed');
    wire.setState('down');
    wire.setState('up');
    ends('m', 'Client Closed');
    expect(closed).toEqual([]);
  });

  it('always the same as the rule told in one sentence, for any history', () => {
    const happening = fc.record({
      what: fc.constantFrom('CONNECT' as const, 'DISCONNECT' as const),
      link: fc.constantFrom<LinkName>('m', 's'),
      life: fc.constantFrom(life('a'), life('b')),
      connection: fc.constantFrom(first, second, { ...first, server: 'FAR' }),
      reason: fc.constantFrom('Client Closed', 'Read Error', 'Stale Connection'),
    });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (history) => {
        const { report, closed } = watched();
        const expected: Incarnation[] = [];
        let sinceReport: Happening[] = [];
        for (const happening of history) {
          report(happening);
          sinceReport.push(happening);
          if (happening.what === 'CONNECT') continue;
          const ended = (link: LinkName) => {
            const told = sinceReport.filter((h) => h.link === link && h.life === happening.life);
            const newest = told.findLastIndex((h) => h.what === 'CONNECT');
            return newest < 0 ? told.length > 0 : told.slice(newest + 1).some(endOf(told[newest]!));
          };
          const newest = sinceReport.findLast(
            (h) => h.what === 'CONNECT' && h.link === happening.link && h.life === happening.life,
          );
          const counts = !newest || endOf(newest)(happening);
          if (counts && happening.reason !== 'Stale Connection' && (['m', 's'] as const).every(ended)) {
            expected.push(happening.life);
            sinceReport = sinceReport.filter((h) => h.life !== happening.life);
          }
        }
        expect(closed).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('R7 always: other clients and malformed advisories are ignored or counted, never thrown', () => {
    const { publish, closed, counts } = watched();
    const client = fc.oneof(fc.jsonValue(), fc.record({ name: fc.oneof(fc.string(), fc.jsonValue()) }));
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ client, reason: fc.jsonValue() }).map((value) => JSON.stringify(value)),
    );
    fc.assert(fc.property(text, (advisory) => publish('DISCONNECT', new TextEncoder().encode(advisory))));
    publish('DISCONNECT', Uint8Array.of(0xff, 0xfe));
    expect(counts.get('bus_malformed_advisories')).toBeGreaterThan(1);
    expect(closed).toEqual([]);
  });

  it('always bounded: of very many processes with one ended link the oldest are forgotten', () => {
    const { ends, closed } = watched();
    const lives = Array.from({ length: 5_000 }, (_, i) => i.toString(16).padStart(32, '0') as Incarnation);
    for (const each of lives) ends('m', 'Client Closed', each);
    ends('s', 'Client Closed', lives[0]);
    ends('s', 'Client Closed', lives.at(-1));
    expect(closed).toEqual([lives.at(-1)]);
  });

  it('nothing is told after close', () => {
    const { evidence, ends, closed } = watched();
    evidence.close();
    ends('m', 'Client Closed');
    ends('s', 'Client Closed');
    expect(closed).toEqual([]);
  });
});
