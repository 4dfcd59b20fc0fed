/** The API over NATS from the bytes of a request to what is counted, over a bus in memory. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CacheReplica } from '../../../src/actors/cache-replica.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import { type ApiHandler, ApiServer } from '../../../src/bus/api-server.ts';
import { MemoryBus, type MemoryWire } from '../../../src/bus/memory.ts';
import { parseAddress } from '../../../src/core/address.ts';
import { Cache } from '../../../src/core/cache/cache.ts';
import { FlotillaError } from '../../../src/core/errors.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { OutboundConnections } from '../../../src/core/outbound-connections.ts';
import { PresentSessions } from '../../../src/core/present-sessions.ts';
import { CidrTable } from '../../../src/core/replica/cidr-table.ts';
import { HeldSlots } from '../../../src/node/api-slots.ts';
import type { ApiHost } from '../../../src/node/api-verb.ts';
import { apiHandler, apiVerbs } from '../../../src/node/api-verbs.ts';
import { Caches } from '../../../src/node/caches.ts';
import { Counts } from '../../../src/node/counts.ts';
import { openOutbound } from '../../../src/node/outbound-opening.ts';
import { SharedObject } from '../../../src/node/shared-object.ts';
import { Throttles } from '../../../src/node/throttles.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const self = '1'.repeat(32) as Incarnation;
const groups = { clusterGroup: 'fleet', controlGroup: 'console', logGroup: 'panic' };

let clock: VirtualClock;
let recorder: Recorder;
let table: CidrTable;
let sessions: CidrTable;
let host: ApiHost;
let client: MemoryWire;
let server: ApiServer;
let answers: { data: string; error: string | undefined }[];

beforeEach(begin);

function begin(): void {
  clock = new VirtualClock();
  recorder = new Recorder();
  host = createHost();
  serve(apiHandler(host));
}

function createHost(): ApiHost {
  const around = { clock, random: new SeededRandom(1), log: recorder.log, counters: recorder.counters };
  table = new CidrTable({ self, maxKeys: 1000, seed: 1 });
  sessions = new CidrTable({ self, maxKeys: 1000, seed: 1 });
  const object = new SharedObject(
    'inbound_cidr',
    () => ({ table }) as never,
    () => undefined,
  );
  const cache = new Cache({ self, maxSize: 100, wallMs: () => clock.wallMs() });
  const replicated = new Map([['limits', { name: 'limits', cache } as unknown as CacheReplica]]);
  const counts = new Counts({
    settings: {
      monitors: [{ sizeS: 300, count: 6 }],
      logDir: '/nowhere',
      serializeDir: '/nowhere',
      maintenanceMs: 60_000,
    },
    around,
    self,
    life: () => self,
    metrics: undefined,
    managers: undefined,
  });
  counts.series.define('spam', 'cidr', 300, 3);
  counts.gauges.define('open', 10, 60);
  const throttles = new Throttles({
    around,
    system: new ActorSystem(around),
    maxNamed: 100,
    stanzas: [{ scope: {}, limits: { outbound_throttle_messages: '1/60' } }],
    inbound: { global: undefined, byPathway: new Map() },
    partition: 'share',
    groupOf: () => 'default',
    replica: () => undefined,
  });
  const outbound = new OutboundConnections(
    {
      stanzas: [{ scope: { binding: 'mx-1' }, limits: { cluster_server_max_outbound_connections: 1 } }],
      strict: ['cluster_server_max_outbound_connections'],
      groupOfBinding: new Map(),
      objects: [{ name: 'outbound_cidr', type: 'outbound_cidr', bindingGroup: undefined }],
    },
    new Map([['outbound_cidr', sessions]]),
  );
  const present = new PresentSessions({ ...around, cluster: () => table });
  present.of('SMTP').begin(parseAddress('192.0.2.7')!);
  return {
    node: {
      shared: (name) => {
        if (name === 'inbound_cidr') return object;
        throw new FlotillaError('FLT-1301', name);
      },
      mayConnect: (attempt) => outbound.mayConnect(attempt),
      openOutbound: (connection) =>
        openOutbound({ connections: () => outbound, slots: throttles.slots }, connection),
      outboundOpened: (connection) => outbound.opened(connection),
      outboundClosed: (connection) => outbound.closed(connection),
      series: counts.series,
      audit: counts.audit,
      gauges: counts.gauges,
      sessions: present,
    },
    throttles,
    caches: new Caches([], () => replicated, around),
    slots: new HeldSlots(around),
  };
}

function serve(handle: ApiHandler, maxRequests = 2): void {
  const bus = new MemoryBus(clock, () => [0]);
  const wire = bus.connect('node');
  client = bus.connect('client');
  wire.setState('up');
  client.setState('up');
  const { log, counters } = recorder;
  server = new ApiServer({
    wire,
    groups,
    node: 'relay-1',
    handle,
    maxRequests: () => maxRequests,
    log,
    counters,
    clock,
  });
  answers = [];
  client.subscribe('inbox', ({ data, header }) =>
    answers.push({ data: new TextDecoder().decode(data), error: header('Nats-Service-Error') }),
  );
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    clock.runUntil(clock.nowMs() + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function send(verb: string, body: Uint8Array | string | object, reply = 'inbox'): Promise<void> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const data = body instanceof Uint8Array ? body : new TextEncoder().encode(text);
  client.publish(`fleet.api.relay-1.${verb}`, data, { reply });
  await settle();
}

async function ask(verb: string, body: Uint8Array | string | object): Promise<Record<string, unknown>> {
  answers = [];
  await send(verb, body);
  expect(answers).toHaveLength(1);
  return JSON.parse(answers[0]!.data);
}

/** All that requests can change. */
function state(): unknown {
  const figures = host.caches
    .counts()
    .map(({ counts: { elements, inserts, manual } }) => [elements, inserts, manual]);
  const { series, audit, gauges } = host.node;
  const spam = series.count('spam', { key: '0.0.0.0/0', startv: 0, endv: 2 });
  const audited = audit.audit('reception', '300,6', { cidr: '0.0.0.0/0' });
  const rows = [table, sessions].map((each) => [...each.entries()]);
  return [rows, figures, [...gauges.keys('open')], spam, audited, host.slots.size];
}

const counter = { object: 'inbound_cidr', key: '10.0.0.1' };
const slot = { name: 'upstream', count: 1, holdS: 5 };

describe('requests over NATS', () => {
  it('REP-18B counters: add, subtract, set, count and sum as the API has them', async () => {
    expect(await ask('counter.add', counter)).toEqual({ ok: true, count: 1 });
    expect(await ask('counter.add', { ...counter, by: 4 })).toEqual({ ok: true, count: 5 });
    expect(await ask('counter.subtract', counter)).toEqual({ ok: true, count: 4 });
    expect(await ask('counter.set', { ...counter, key: '10.0.0.2', count: 3 })).toEqual({
      ok: true,
      count: 3,
    });
    expect(await ask('counter.count', { ...counter, key: '10.0.0.0/24' })).toEqual({ ok: true, count: 7 });
  });

  it('REP-18B throttles and slots', async () => {
    const throttle = { name: 'a', rate: '1/60' };
    expect(await ask('throttle.take', throttle)).toEqual({ ok: true, taken: true, waitMs: 0 });
    expect(await ask('throttle.take', throttle)).toMatchObject({ ok: true, taken: false });
    expect(await ask('local_throttle.increment', throttle)).toEqual({ ok: true, isOver: false });
    expect(await ask('local_throttle.increment', throttle)).toEqual({ ok: true, isOver: true });
    expect(await ask('local_throttle.decrement', throttle)).toEqual({ ok: true, isOver: false });
    const { slot: id } = await ask('slot.take', slot);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(await ask('slot.take', slot)).toEqual({ ok: true, slot: null });
    expect(await ask('slot.give_back', { slot: id })).toEqual({ ok: true });
    expect(await ask('slot.give_back', { slot: id })).toMatchObject({ ok: false, code: 'FLT-2105' });
    expect(await ask('slot.take', slot)).toMatchObject({ slot: expect.any(String) });
  });

  it('REP-21.1 a slot of a client that died is free when its time is over, an extended one later', async () => {
    const { slot: id } = await ask('slot.take', slot);
    clock.runUntil(clock.nowMs() + 4_000);
    await ask('slot.extend', { slot: id, holdS: 5 });
    clock.runUntil(clock.nowMs() + 4_000);
    expect(host.slots.size).toBe(1);
    clock.runUntil(clock.nowMs() + 1_000);
    expect(host.slots.size).toBe(0);
    expect(await ask('slot.take', slot)).toMatchObject({ slot: expect.any(String) });
  });

  it('REP-18B series and gauges', async () => {
    await ask('series.define', { name: 'words', type: 'string', intervalS: 300, windows: 2 });
    await ask('series.add', { name: 'words', key: 'x', count: 2.5 });
    expect(await ask('series.sum', { name: 'words', key: 'x', endv: 1 })).toEqual({ ok: true, sum: 2.5 });
    expect(await ask('series.remove', { name: 'words', key: 'x' })).toEqual({ ok: true, removed: true });
    await ask('gauge.define', { name: 'own', max: 5, ttlS: 60 });
    expect(await ask('gauge.get', { name: 'own', key: 'x' })).toEqual({ ok: true, value: null });
    expect(await ask('gauge.add', { name: 'own', key: 'x', by: -2 })).toEqual({ ok: true, value: -2 });
    expect(await ask('gauge.get', { name: 'own', key: 'x' })).toEqual({ ok: true, value: -2 });
  });

  it('REP-13.12 a gauge cache and a replicated cache of one name are two things', async () => {
    await ask('gauge.define', { name: 'limits', max: 5, ttlS: 60 });
    await ask('cache.set', { cache: 'limits', key: 'k', value: 'pair' });
    expect(await ask('gauge.get', { name: 'limits', key: 'k' })).toEqual({ ok: true, value: null });
    await ask('gauge.add', { name: 'limits', key: 'k', by: 3 });
    expect(await ask('cache.get', { cache: 'limits', key: 'k' })).toMatchObject({ value: 'pair' });
    expect(await ask('gauge.remove', { name: 'limits', key: 'k' })).toEqual({ ok: true, removed: true });
    expect(await ask('cache.get', { cache: 'limits', key: 'k' })).toMatchObject({ value: 'pair' });
  });

  it('REP-6.10 REP-7.9 outbound connections are counted, capped and throttled', async () => {
    const attempt = { binding: 'mx-1', domain: 'example.com' };
    const connection = { ...attempt, address: '192.0.2.1' };
    expect(await ask('outbound.may_connect', { ...attempt, ips: ['192.0.2.1'] })).toEqual({
      ok: true,
      allowed: true,
    });
    await ask('outbound.opened', connection);
    expect(await ask('outbound.may_connect', attempt)).toEqual({
      ok: true,
      allowed: false,
      limit: 'cluster_server_max_outbound_connections',
      value: 1,
      count: 1,
      scope: 'binding mx-1',
    });
    expect(await ask('outbound.closed', connection)).toEqual({ ok: true, closed: true });
    expect(await ask('outbound.closed', connection)).toEqual({ ok: true, closed: false });
    const taken = { ok: true, taken: true, waitMs: 0 };
    const full = { ok: true, taken: false, waitMs: expect.any(Number) };
    expect(await ask('outbound.take_message', attempt)).toEqual(taken);
    expect(await ask('outbound.take_message', attempt)).toEqual(full);
    expect(await ask('outbound.take_connection', attempt)).toEqual(taken);
  });

  it('REP-21.1 a connection is opened with the slots of strict caps, and closed when these are given back or over', async () => {
    const connection = { binding: 'mx-1', domain: 'example.com', address: '192.0.2.1' };
    const open = () => ask('outbound.open', { ...connection, holdS: 5 });
    const { slot, ...answer } = await open();
    expect(answer).toEqual({ ok: true, allowed: true });
    const denied = { ok: true, allowed: false, limit: 'cluster_server_max_outbound_connections', value: 1 };
    expect(await open()).toMatchObject(denied);
    expect(await ask('slot.give_back', { slot })).toEqual({ ok: true });
    expect(await open()).toMatchObject({ allowed: true });
    expect(await open()).toMatchObject(denied);
    clock.runUntil(clock.nowMs() + 5_000);
    expect(await ask('outbound.closed', connection)).toMatchObject({ closed: false });
    expect(await open()).toMatchObject({ allowed: true });
  });

  it('REP-8.18 REP-8.19 sessions that are open now', async () => {
    expect(await ask('session.count', { cidr: '192.0.2.0/24' })).toEqual({ ok: true, count: 1 });
    await ask('counter.add', { object: 'inbound_cidr', key: '192.0.2.9', by: 4 });
    const inCluster = { cidr: '192.0.2.0/24', service: 'inbound_cidr' };
    expect(await ask('session.count', inCluster)).toEqual({ ok: true, count: 4 });
    expect(await ask('session.count', { cidr: '192.0.2.7', service: 'smtp' })).toMatchObject({
      ok: false,
      code: 'FLT-1913',
      error: expect.stringContaining("unknown service 'smtp'"),
    });
    expect(await ask('session.count', { cidr: '192.0.2.7', listener: '*:25' })).toMatchObject({
      code: 'FLT-1913',
    });
  });

  it('REP-8.12 REP-8.16 the inbound audit', async () => {
    const asked = { event: 'reception', address: '192.0.2.7' };
    await ask('audit.count', { ...asked, by: 3 });
    const sum = { event: 'reception', monitor: '300,6', cidr: '192.0.2.0/24', endv: 5 };
    expect(await ask('audit.sum', sum)).toEqual({ ok: true, sum: 3 });
    expect(await ask('audit.smoothed', { ...asked, index: 0, mask: 8 })).toEqual({ ok: true, sum: 3 });
  });

  it('REP-13.6 caches: set, with ttl and only when absent, get, add, delete, stats', async () => {
    const pair = { cache: 'limits', key: 'k' };
    const set = { ...pair, value: 'v', only: 'absent', ttl: '1M' };
    expect(await ask('cache.set', set)).toEqual({ ok: true, stored: true });
    expect(await ask('cache.set', { ...set, value: 'w' })).toEqual({ ok: true, stored: false });
    const got = await ask('cache.get', pair);
    expect(got).toMatchObject({ value: 'v' });
    expect(got.ttlMs).toBeLessThanOrEqual(60_000);
    clock.runUntil(clock.nowMs() + 60_000);
    expect(await ask('cache.get', pair)).toEqual({ ok: true, value: null, ttlMs: null });
    expect(await ask('cache.add', { ...pair, by: 7 })).toEqual({ ok: true, value: 7 });
    expect(await ask('cache.delete', pair)).toEqual({ ok: true, deleted: true });
    expect(await ask('cache.stats', '')).toMatchObject({ caches: [{ kind: 'cluster', name: 'limits' }] });
  });

  it('without a reply subject it is done and not answered', async () => {
    await send('counter.add', counter, '');
    expect([table.count('10.0.0.1'), answers]).toEqual([1, []]);
  });
});

/** What most fields may be, by their names. */
const usable: Readonly<Record<string, readonly unknown[]>> = {
  object: ['inbound_cidr'],
  key: ['10.0.0.1', '10.0.0.0/8', 'x'],
  name: ['spam', 'open', 'other'],
  type: ['string'],
  rate: ['1/60', 0],
  event: ['reception'],
  address: ['10.0.0.1'],
  cidr: ['10.0.0.0/8'],
  monitor: ['300,6'],
  cache: ['limits'],
  binding: ['mx-1'],
  ips: [['192.0.2.1']],
};

function mostlyUsable(field: string): fc.Arbitrary<unknown> {
  const arbitrary = fc.oneof(fc.jsonValue(), fc.constantFrom('x', 0, 1, 2, true));
  const values = usable[field];
  return values
    ? fc.oneof({ arbitrary, weight: 1 }, { arbitrary: fc.constantFrom(...values), weight: 9 })
    : arbitrary;
}

describe('requests that are refused', () => {
  const bytes = (...values: number[]) => new Uint8Array(values);
  const pair = { cache: 'limits', key: 'k', value: 'v' };
  it.each([
    ['no JSON', 'counter.add', 'add one', 'FLT-2101'],
    ['no UTF-8', 'counter.add', bytes(0x7b, 0xff, 0x7d), 'FLT-2101'],
    ['no object', 'counter.add', '[1]', 'FLT-2101'],
    ['null', 'counter.add', 'null', 'FLT-2101'],
    ['deep nesting', 'counter.add', '['.repeat(100_000), 'FLT-2101'],
    ['too large', 'cache.set', { ...pair, value: 'x'.repeat(2 ** 21) }, 'FLT-2101'],
    ['unknown verb', 'counter.multiply', counter, 'FLT-2102'],
    ['verb of the language', 'constructor', counter, 'FLT-2102'],
    ['missing field', 'counter.add', { object: 'inbound_cidr' }, 'FLT-2103'],
    ['unknown field', 'counter.add', { ...counter, count: 2 }, 'FLT-2103'],
    [
      'field of the language',
      'counter.add',
      `{"object":"inbound_cidr","key":"10.0.0.1","__proto__":1}`,
      'FLT-2103',
    ],
    ['text for a number', 'counter.add', { ...counter, by: '1' }, 'FLT-2103'],
    ['null for a number', 'counter.add', { ...counter, by: null }, 'FLT-2103'],
    ['negative', 'counter.add', { ...counter, by: -1 }, 'FLT-2103'],
    ['fraction', 'counter.add', { ...counter, by: 0.5 }, 'FLT-2103'],
    ['infinite', 'gauge.add', '{"name":"open","key":"x","by":1e999}', 'FLT-2103'],
    ['unknown object', 'counter.add', { ...counter, object: 'nothing' }, 'FLT-1301'],
    ['no address', 'counter.add', { ...counter, key: 'ten' }, 'FLT-1302'],
    ['unknown node', 'counter.count', { ...counter, from: 'relay-9' }, 'FLT-1303'],
    ['no rate', 'throttle.take', { name: 'a', rate: '1 per hour' }, 'FLT-1801'],
    ['no epsilon', 'throttle.take', { name: 'a', rate: 1, epsilon: 2 }, 'FLT-1803'],
    ['no slots', 'slot.take', { ...slot, count: 0 }, 'FLT-2103'],
    ['unknown series', 'series.add', { name: 'ham', key: '10.0.0.1' }, 'FLT-1911'],
    [
      'series on disk',
      'series.define',
      { name: 'x', type: 'string', intervalS: 1, windows: 1, persist: true },
      'FLT-2103',
    ],
    [
      'an address that is none',
      'outbound.opened',
      { binding: 'b', domain: 'example.com', address: 'x' },
      'FLT-1302',
    ],
    [
      'no list of addresses',
      'outbound.may_connect',
      { binding: 'b', domain: 'd', ips: ['x', 1] },
      'FLT-2103',
    ],
    ['unknown event', 'audit.count', { event: 'delivery', address: '10.0.0.1' }, 'FLT-2103'],
    ['unknown monitor', 'audit.sum', { event: 'connect', monitor: '1,1', cidr: '10.0.0.0/8' }, 'FLT-1911'],
    ['no mask', 'audit.smoothed', { event: 'connect', address: '10.0.0.1', index: 0, mask: 33 }, 'FLT-1912'],
    ['unknown gauge', 'gauge.add', { name: 'none', key: 'x' }, 'FLT-1911'],
    ['unknown cache', 'cache.set', { ...pair, cache: 'none' }, 'FLT-2004'],
    ['no ttl', 'cache.set', { ...pair, ttl: '5x' }, 'FLT-2001'],
    ['key of the cache itself', 'cache.set', { ...pair, key: '\0#1' }, 'FLT-2103'],
    ['half a character', 'cache.set', '{"cache":"limits","key":"\\ud800","value":"v"}', 'FLT-2103'],
    ['large key', 'cache.set', { ...pair, key: 'ü'.repeat(1000) }, 'FLT-2002'],
    ['unknown slot', 'slot.extend', { slot: 'x' }, 'FLT-2105'],
  ])(
    'R7 %s: an error of the catalogue with its advice, and nothing has changed',
    async (_, verb, body, code) => {
      const before = state();
      const answer = await ask(verb, body);
      expect(answer).toEqual({ ok: false, code, error: expect.any(String), advice: expect.any(String) });
      expect(answers[0]!.error).toMatch(/^[ -~]+$/);
      expect(state()).toEqual(before);
      expect(recorder.counted.get('api_requests_failed_total')).toBe(1);
      expect(recorder.texts('error')).toEqual([]);
    },
  );

  it('R7 always: any bytes for any verb get one answer, and unless it is ok nothing has changed', async () => {
    const verbs = Object.keys(apiVerbs);
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json());
    const anything = fc.tuple(fc.oneof(fc.constantFrom(...verbs), fc.stringMatching(/^[a-z.]{1,9}$/)), bytes);
    const fitting = fc.constantFrom(...verbs).chain((asked) => {
      const { fields } = apiVerbs[asked]!;
      const values = Object.keys(fields).map((each) => [each, mostlyUsable(each)] as const);
      const body = fc.record(Object.fromEntries(values), {
        requiredKeys: Object.keys(fields).filter((each) => fields[each]!.initial === undefined),
      });
      return fc.tuple(fc.constant(asked), body);
    });
    const requests = fc.array(fc.oneof(anything, fitting), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(requests, async (sent) => {
        begin();
        for (const [asked, body] of sent) {
          const before = state();
          const answer = await ask(asked, body);
          if (answer.ok === true) continue;
          expect(answer.code).toMatch(/^FLT-(1|20|210[1-6])/);
          expect(state()).toEqual(before);
        }
        expect(recorder.texts('error')).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('never answers where the requester itself might not publish, and does nothing then', async () => {
    const heard: string[] = [];
    client.subscribe('>', ({ subject }) => heard.push(subject));
    const replies = [
      'fleet.view.beat',
      'console',
      'console.node.relay-1',
      'panic.x',
      '$JS.API.STREAM.PURGE.x',
    ];
    for (const reply of replies) await send('counter.add', counter, reply);
    expect(table.count('10.0.0.1')).toBe(0);
    expect(heard.filter((subject) => !subject.startsWith('fleet.api.'))).toEqual([]);
    expect(recorder.counted.get('api_requests_dropped_total')).toBe(replies.length);
  });

  it('so many may wait, more are refused, and a place is free when one is answered or its time is over', async () => {
    const given: string[] = [];
    const waiting: (() => void)[] = [];
    serve(async (verb, _, signal) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (signal.aborted) given.push(verb);
      return {};
    });
    await send('one', {});
    await send('two', {});
    expect(await ask('three', {})).toMatchObject({ code: 'FLT-2104' });
    expect([server.waiting, recorder.counted.get('api_requests_refused_total')]).toEqual([2, 1]);
    answers = [];
    waiting[0]!();
    await settle();
    expect(answers.map(({ data }) => JSON.parse(data))).toEqual([{ ok: true }]);
    answers = [];
    clock.runUntil(clock.nowMs() + 30_000);
    await settle();
    expect(answers.map(({ data }) => JSON.parse(data).code)).toEqual(['FLT-2106']);
    expect(server.waiting).toBe(0);
    waiting[1]!();
    await settle();
    // What came too late is given back, and answered once.
    expect([given, answers.length]).toEqual([['two'], 1]);
  });

  it('a defect is an answer and a line in the log', async () => {
    serve(() => {
      throw new TypeError('broken');
    });
    expect(await ask('x', {})).toMatchObject({ code: 'FLT-2107' });
    expect(recorder.texts('error')).toEqual(['error: a request of the API over NATS failed']);
  });
});
