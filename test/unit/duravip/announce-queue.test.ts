import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnnounceFrame, AnnounceQueue } from '../../../src/core/duravip/announce-queue.ts';
import { RateLimit } from '../../../src/core/duravip/rate-limit.ts';
import { address, addresses } from './fleet.ts';

const one = address(1);

function targets(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    ip: `10.9.${i >> 8}.${i & 255}`,
    mac: `00:00:00:00:00:${i}`,
  }));
}

interface Sent extends AnnounceFrame {
  readonly atMs: number;
}

/** Asks whenever the queue says so. */
function drain(queue: AnnounceQueue, startMs: number, untilMs = 600_000): readonly Sent[] {
  const sent: Sent[] = [];
  for (let nowMs: number | undefined = startMs; nowMs !== undefined && nowMs <= untilMs; ) {
    const atMs = nowMs;
    sent.push(...queue.due(nowMs).map((frame) => ({ ...frame, atMs })));
    const nextMs = queue.nextMs(nowMs);
    nowMs = nextMs === undefined ? undefined : Math.max(nextMs, nowMs + 1);
  }
  return sent;
}

function words(sent: readonly Sent[]): readonly string[] {
  return sent.map(({ form, to, atMs }) => `${Math.round(atMs)} ${form} ${to?.ip ?? '*'}`);
}

describe('announcing addresses to neighbours', () => {
  it('ARP-4 broadcasts both forms at 0, 1 and 3 s', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 2_000 });
    queue.acquired(one, 'eth0', [], 0);
    const forms = (ms: number) => [`${ms} request *`, `${ms} reply *`];
    expect(words(drain(queue, 0))).toEqual([...forms(0), ...forms(1_000), ...forms(3_000)]);
    expect(queue.size).toBe(0);
  });

  it('ARP-17 IPv6 has one form, three times', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 2_000 });
    queue.acquired('2001:db8::1', 'eth0', [], 0);
    expect(words(drain(queue, 0))).toEqual(['0 request *', '1000 request *', '3000 request *']);
  });

  it('ARP-4 tells known hosts once, as requests, at most 200 a second', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 2_000 });
    queue.acquired(one, 'eth0', targets(500), 0);
    const single = drain(queue, 0).filter(({ to }) => to);
    expect(single.map(({ to }) => to!.ip)).toEqual(targets(500).map(({ ip }) => ip));
    expect(new Set(single.map(({ form }) => form))).toEqual(new Set(['request']));
    expect(mostInAnySecond(single)).toBeLessThanOrEqual(200);
    expect(single.at(-1)!.atMs).toBeLessThan(3_500);
  });

  it('ARP-5 without broadcasts only known hosts hear it, three times', () => {
    const queue = new AnnounceQueue({ allHosts: false, framesPerSecond: 2_000 });
    queue.acquired(one, 'eth0', targets(2), 0);
    const [x, y] = targets(2).map(({ ip }) => ip);
    expect(words(drain(queue, 0))).toEqual(
      [0, 1_000, 3_000].flatMap((ms) => [`${ms} request ${x}`, `${ms} request ${y}`]),
    );
    queue.acquired(one, 'eth0', [], 0);
    expect(drain(queue, 0)).toEqual([]);
  });

  it('ARP-7 a release cancels what is pending', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 2_000 });
    queue.acquired(one, 'eth0', targets(50), 0);
    expect(queue.due(0).length).toBeGreaterThan(2);
    queue.released(one);
    expect(drain(queue, 1)).toEqual([]);
    expect(queue.nextMs(1)).toBeUndefined();
  });

  it('OWN-8 acquired again starts the schedule from the beginning', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 2_000 });
    queue.acquired(one, 'eth0', [], 0);
    queue.due(0);
    queue.acquired(one, 'eth0', [], 500);
    expect([...new Set(drain(queue, 500).map(({ atMs }) => atMs))]).toEqual([500, 1_500, 3_500]);
  });

  it('ARP-8 the first broadcast of each of 10240 addresses leaves at once; the rest keeps to the rate', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 2_000 });
    for (const ip of addresses(10_240)) queue.acquired(ip, 'eth0', [], 0);
    const first = queue.due(0);
    expect(new Set(first.map(({ ip }) => ip)).size).toBe(10_240);
    expect(first).toHaveLength(2 * 10_240);
    const rest = drain(queue, 1);
    expect(rest).toHaveLength(4 * 10_240);
    expect(mostInAnySecond(rest)).toBeLessThanOrEqual(2_000);
  });

  it('ARP-8 a budget bounds one call, first broadcasts come first', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 2_000 });
    for (const ip of addresses(10)) queue.acquired(ip, 'eth0', targets(5), 0);
    expect(queue.due(0, 15).every(({ to }) => to === undefined)).toBe(true);
    expect(queue.nextMs(0)).toBe(0);
    expect(queue.due(0, 15)).toHaveLength(15);
  });

  it('ARP-8 repeats and single hosts take turns, and so do addresses', () => {
    const queue = new AnnounceQueue({ allHosts: true, framesPerSecond: 100 });
    for (const ip of addresses(50)) queue.acquired(ip, 'eth0', targets(200), 0);
    queue.due(0, 100);
    const sent = drain(queue, 3_000, 5_000);
    const single = sent.filter(({ to }) => to);
    expect(Math.abs(single.length * 2 - sent.length)).toBeLessThanOrEqual(2);
    const perAddress = addresses(50).map((ip) => single.filter((frame) => frame.ip === ip).length);
    expect(Math.max(...perAddress) - Math.min(...perAddress)).toBeLessThanOrEqual(1);
  });

  it('always: everything is sent once in the end, within the rates, whatever comes and goes', () => {
    const event = fc.record({
      afterMs: fc.integer({ min: 0, max: 1_500 }),
      number: fc.integer({ min: 1, max: 4 }),
      hosts: fc.integer({ min: 0, max: 30 }),
      release: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 8 }),
        fc.boolean(),
        fc.constantFrom(50, 400),
        (events, allHosts, rate) => {
          const queue = new AnnounceQueue({ allHosts, framesPerSecond: rate });
          const sent: Sent[] = [];
          let nowMs = 0;
          for (const { afterMs, number, hosts, release } of events) {
            sent.push(...drain(queue, nowMs, nowMs + afterMs));
            nowMs += afterMs;
            if (release) queue.released(address(number));
            else queue.acquired(address(number), 'eth0', targets(hosts), nowMs);
          }
          const last = new Map(
            events.map(({ number, hosts, release }, i) => [number, { hosts, release, i }]),
          );
          const before = sent.length;
          sent.push(...drain(queue, nowMs));
          expect(queue.size).toBe(0);
          for (const [number, { release }] of last) {
            if (release) expect(sent.slice(before).filter(({ ip }) => ip === address(number))).toEqual([]);
          }
          if (events.length === 1 && !events[0]!.release) {
            const { hosts } = events[0]!;
            expect(sent).toHaveLength(allHosts ? 6 + hosts : 3 * hosts);
          }
          const repeats = sent.filter(
            ({ to, atMs }, i) => to || sent.findIndex((f) => f.ip === sent[i]!.ip && f.atMs === atMs) !== i,
          );
          expect(mostInAnySecond(repeats.filter(({ to }) => to))).toBeLessThanOrEqual(rate);
        },
      ),
    );
  });
});

describe('rate limit', () => {
  it('always: never more than the figure in any second, and not much less when asked all the time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 30 }),
        (rate, gaps) => {
          const limit = new RateLimit(rate);
          const taken: { atMs: number }[] = [];
          let atMs = 0;
          for (const gap of gaps) {
            atMs += gap;
            while (limit.take(atMs)) taken.push({ atMs });
            expect(limit.nextMs(atMs)).toBeGreaterThan(atMs);
          }
          expect(mostInAnySecond(taken)).toBeLessThanOrEqual(rate);
          expect(taken.length).toBeGreaterThanOrEqual(Math.floor(Math.min(atMs, 100) * rate * 0.0004));
        },
      ),
    );
  });
});

function mostInAnySecond(sent: readonly { readonly atMs: number }[]): number {
  let most = 0;
  for (let from = 0, to = 0; to < sent.length; to++) {
    while (sent[to]!.atMs - sent[from]!.atMs >= 1_000) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}
