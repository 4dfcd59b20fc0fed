/** The paniclog: throttle of equal messages, broadcast (spec: logging 14, 17.12). */
import { beforeEach, describe, expect, it } from 'vitest';
import { publishPanic } from '../../../src/bus/panic-bus.ts';
import type { PublishOptions, Wire } from '../../../src/bus/wire.ts';
import { EqualMessages } from '../../../src/core/logs/equal-messages.ts';
import type { PanicMessage } from '../../../src/core/logs/panic-message.ts';
import { PanicBroadcast } from '../../../src/logs/panic-broadcast.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const message = (seq: number, text = `text ${seq}`): PanicMessage => ({
  timeUs: 1_700_000_000_123_456,
  level: 'error',
  text,
  seq,
});

describe('LOG-14 equal messages', () => {
  it('are let through so many in a period, whatever numbers they hold', () => {
    const equal = new EqualMessages({ most: 2, periodMs: 1000 });
    const admitted = ['at 1', 'at 2', 'at 3', 'other', 'at 4'].map((text) => equal.admit(text, 0));
    expect(admitted).toEqual([true, true, false, true, false]);
    expect(equal.takeSuppressed()).toBe(2);
    expect(equal.takeSuppressed()).toBe(0);
    expect(equal.admit('at 5', 1000)).toBe(true);
    const all = new EqualMessages({ most: 0, periodMs: 1000 });
    expect([1, 2, 3].map(() => all.admit('x', 0))).toEqual([true, true, true]);
  });
});

describe('LOG-14 broadcast', () => {
  let clock: VirtualClock;
  let recorder: Recorder;
  let kept: PanicMessage[];
  let sent: string[];
  let broadcast: PanicBroadcast;
  let isUp: boolean;
  beforeEach(() => {
    clock = new VirtualClock();
    recorder = new Recorder();
    kept = [];
    sent = [];
    isUp = true;
    broadcast = new PanicBroadcast({ clock, kept: () => kept, ...recorder });
  });
  const connect = (): void =>
    broadcast.connected(({ text }, isReplayed) => {
      if (isUp) sent.push(isReplayed ? `${text} (replayed)` : text);
      return isUp;
    });
  const add = (seq: number): void => {
    kept.push(message(seq));
    broadcast.add(message(seq));
  };

  it('what came before the connection is sent once, marked; each message once', () => {
    add(0);
    add(1);
    connect();
    add(2);
    broadcast.disconnected();
    add(3);
    connect();
    isUp = false;
    add(4);
    isUp = true;
    connect();
    expect(sent).toEqual([
      'text 0 (replayed)',
      'text 1 (replayed)',
      'text 2',
      'text 3 (replayed)',
      'text 4 (replayed)',
    ]);
  });

  it('at most 100 a second, and then how many were left out', async () => {
    connect();
    for (let seq = 0; seq < 250; seq++) add(seq);
    expect(sent).toHaveLength(100);
    await clock.advance(1000);
    expect(sent.slice(100)).toEqual(['150 messages suppressed']);
    expect(recorder.counted.get('paniclog_unsent_total')).toBe(150);
    add(250);
    expect(sent.at(-1)).toBe('text 250');
  });

  it('what publishing logs is not published', () => {
    broadcast.connected(({ text }) => {
      sent.push(text);
      if (sent.length < 10) broadcast.add(message(sent.length, 'the bus is slow'));
      return true;
    });
    broadcast.add(message(0));
    expect(sent).toEqual(['text 0']);
  });
});

describe('LOG-14 messages on the bus', () => {
  const origin = {
    logGroup: 'panics',
    splitsLevels: false,
    node: 'relay.1',
    subcluster: 'west',
    subsystem: 'node',
  };

  function published(...more: [Partial<typeof origin>?, string?, boolean?]) {
    const [change = {}, text = 'oh', isReplayed = false] = more;
    const calls: { subject: string; body: string; headers: PublishOptions['headers'] }[] = [];
    const wire = {
      publish(subject: string, data: Uint8Array, options?: PublishOptions) {
        calls.push({ subject, body: Buffer.from(data).toString(), headers: options?.headers });
        return true;
      },
    } as unknown as Wire;
    publishPanic(wire, { ...origin, ...change }, message(7, text), isReplayed);
    return calls[0]!;
  }

  it('have the line as body and the rest in headers', () => {
    expect(published()).toEqual({
      subject: 'panics.relay%2E1',
      body: '1700000000:oh',
      headers: {
        Node: 'relay.1',
        Subcluster: 'west',
        Level: 'error',
        Subsystem: 'node',
        Module: 'flotilla',
        Time: '2023-11-14T22:13:20.123456Z',
        Seq: '7',
      },
    });
    expect(published({ splitsLevels: true }).subject).toBe('panics.relay%2E1.error');
    expect(published({}, 'x', true).headers).toMatchObject({ Replay: 'true' });
  });

  it('are cut at 8 KiB, and not within a character', () => {
    const { body } = published({}, 'ä'.repeat(8192));
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(8192);
    expect(body).toMatch(/^1700000000:ä+$/);
  });
});
