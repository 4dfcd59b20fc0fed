/** One session under every order of events, on sockets that do as the test says and a clock that it turns. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Timer } from '../../../src/core/clock.ts';
import { FrontSession } from '../../../src/net/front-session.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

/** The other end of a socket: what was written to it waits until it is taken. */
class FakeSocket extends Duplex {
  connecting = false;
  readonly remoteAddress = '192.0.2.1';
  written = '';
  wasReset = false;
  #taken: (() => void) | undefined;
  #stuck = false;
  #onSilence: () => void = () => {};

  constructor() {
    super({ allowHalfOpen: true, autoDestroy: true, emitClose: true });
    this.on('error', () => {});
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: string, callback: () => void): void {
    this.written += chunk.toString();
    this.#taken = callback;
  }

  /** The peer reads: what was written leaves the buffers. */
  absorb(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  resetAndDestroy(): void {
    this.wasReset = true;
    // As in Node: a socket reset while its end is being sent never closes, whatever is done with it later.
    if (this.writableEnded && !this.writableFinished) this.#stuck = true;
    this.destroy();
  }

  override destroy(error?: Error): this {
    return this.#stuck ? this : super.destroy(error);
  }

  setTimeout(_: number, silent: () => void): void {
    this.#onSilence = silent;
  }

  silence(): void {
    if (!this.destroyed) this.#onSilence();
  }

  say(text: string | null): void {
    if (!this.destroyed && !this.readableEnded) this.push(text);
  }
}

/** Knows which timers are still to come: one that is forgotten keeps a process alive. */
class CountingClock extends VirtualClock {
  live = 0;

  override after(delayMs: number, run: () => void): Timer {
    let pending = true;
    this.live += 1;
    const settle = () => {
      if (pending) this.live -= 1;
      pending = false;
    };
    const timer = super.after(delayMs, () => {
      settle();
      run();
    });
    return {
      cancel: () => {
        settle();
        timer.cancel();
      },
    };
  }
}

class Stage {
  readonly client = new FakeSocket();
  readonly upstream = new FakeSocket();
  readonly clock = new CountingClock();
  readonly session: FrontSession;
  readonly said = { client: '', upstream: '' };
  readonly ended = { client: false, upstream: false };
  over = 0;
  failures = 0;
  /** Reported when nobody was left to suffer from them. */
  lateFailures = 0;
  clientClosed = 0;

  constructor(greetingTimeoutMs: number) {
    this.upstream.connecting = true;
    this.client.on('close', () => {
      this.clientClosed += 1;
    });
    this.session = new FrontSession({
      client: this.client as unknown as Socket,
      dial: () => this.upstream as unknown as Socket,
      header: Buffer.from('header '),
      unavailable: '421',
      connectTimeoutMs: 5000,
      greetingTimeoutMs,
      idleTimeoutMs: 60_000,
      clock: this.clock,
      onUpstreamFailure: () => {
        this.failures += 1;
        this.lateFailures += this.clientClosed;
      },
      onIdle: () => {},
      onOver: () => {
        this.over += 1;
      },
    });
  }

  connect(): void {
    if (!this.upstream.connecting || this.upstream.destroyed) return;
    this.upstream.connecting = false;
    this.upstream.emit('connect');
  }

  say(who: Side, text: string): void {
    if (this.ended[who] || (who === 'upstream' && this.upstream.connecting)) return;
    if (!this[who].destroyed) this.said[who] += text;
    this[who].say(text);
  }

  end(who: Side): void {
    if (this.ended[who] || (who === 'upstream' && this.upstream.connecting)) return;
    this.ended[who] = true;
    this[who].say(null);
  }

  pass(timeMs: number): void {
    this.clock.runUntil(this.clock.nowMs() + timeMs);
  }
}

type Side = 'client' | 'upstream';
type Step = (stage: Stage) => void;

const sides = ['client', 'upstream'] as const;
const steps: Record<string, Step> = {
  connect: (stage) => stage.connect(),
  stop: (stage) => stage.session.destroy(),
  silence: (stage) => stage.client.silence(),
  'a second': (stage) => stage.pass(1000),
  'a minute': (stage) => stage.pass(60_000),
  ...Object.fromEntries(
    sides.flatMap((side): [string, Step][] => [
      [`${side} speaks`, (stage) => stage.say(side, 'abc')],
      [`${side} floods`, (stage) => stage.say(side, 'x'.repeat(100_000))],
      [`${side} reads`, (stage) => stage[side].absorb()],
      [`${side} ends`, (stage) => stage.end(side)],
      [`${side} resets`, (stage) => stage[side].destroy(new Error('ECONNRESET'))],
    ]),
  ),
};

const turn = () => new Promise((resume) => setImmediate(resume));

const names = Object.keys(steps);
const rarely = new Set(['stop', 'silence', 'a minute', 'client resets', 'upstream resets']);
const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...names.filter((name) => !rarely.has(name))) },
  { weight: 2, arbitrary: fc.constantFrom(...rarely) },
);
const schedule = fc.record({
  greetingTimeoutMs: fc.constantFrom(0, 10_000),
  names: fc.array(anyStep, { maxLength: 25 }),
});

test('REP-5.14 whatever happens in whatever order, a session is over exactly once, when both sockets are closed', async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async ({ greetingTimeoutMs, names }) => {
      const stage = new Stage(greetingTimeoutMs);
      for (const name of names) {
        steps[name]?.(stage);
        await turn();
        expectTruths(stage);
      }
      await finish(stage);
      expectTruths(stage);
      expect([stage.over, stage.clientClosed, stage.clock.live]).toEqual([1, 1, 0]);
      expect([stage.client.destroyed, stage.upstream.destroyed]).toEqual([true, true]);
    }),
    { numRuns: 2000 },
  );
});

function expectTruths({ client, upstream, said, over, failures, lateFailures, clientClosed }: Stage): void {
  // Nothing is invented, doubled or out of order in either direction.
  expect(`header ${said.client}`.startsWith(upstream.written)).toBe(true);
  const answered = client.written === '421' && failures === 1;
  expect(said.upstream.startsWith(client.written) || answered).toBe(true);
  expect(failures).toBeLessThanOrEqual(1);
  expect(lateFailures).toBe(0);
  if (failures > 0) expect(upstream.destroyed).toBe(true);
  expect(over).toBeLessThanOrEqual(Math.min(1, clientClosed));
  // What waits for a side that does not read is bounded by the buffers of one socket and one piece on its way.
  for (const side of [client, upstream]) expect(side.writableLength).toBeLessThanOrEqual(16_384 + 100_000);
}

/**
 * A side that is gone takes the other with it, after a time for the last bytes and without its help; else both sides
 * read, end and let time pass.
 */
async function finish(stage: Stage): Promise<void> {
  if (stage.client.destroyed || stage.upstream.errored !== null) {
    stage.pass(30_000);
    await turn();
    expect(stage.over).toBe(1);
  }
  for (let round = 0; round < 20 && stage.over === 0; round++) {
    stage.end('client');
    stage.end('upstream');
    stage.client.absorb();
    stage.upstream.absorb();
    stage.pass(10_000);
    await turn();
  }
}

test('a session that goes well carries all bytes both ways and passes each end on by itself', async () => {
  const stage = new Stage(10_000);
  const all = async (...names: string[]) => {
    for (const name of names) steps[name]?.(stage);
    for (let i = 0; i < 10; i++) {
      stage.client.absorb();
      stage.upstream.absorb();
      await turn();
    }
  };
  await all('connect', 'upstream speaks', 'client floods', 'client speaks', 'client ends');
  expect(stage.upstream.written).toBe(`header ${'x'.repeat(100_000)}abc`);
  expect([stage.upstream.writableEnded, stage.client.writableEnded]).toEqual([true, false]);
  await all('upstream speaks', 'upstream ends');
  expect(stage.client.written).toBe('abcabc');
  expect([stage.over, stage.failures, stage.client.wasReset, stage.upstream.wasReset]).toEqual([
    1,
    0,
    false,
    false,
  ]);
});

test.each(sides)('a reset of the %s becomes a reset of the other side', async (side) => {
  const stage = new Stage(0);
  stage.connect();
  steps[`${side} resets`]?.(stage);
  await turn();
  const other = side === 'client' ? stage.upstream : stage.client;
  expect([other.wasReset, stage.over]).toEqual([true, 1]);
});

test('a service that resets while it still takes the last words of a client that has gone leaves nothing behind', async () => {
  const stage = new Stage(0);
  stage.connect();
  for (const name of ['client speaks', 'upstream ends', 'client ends']) steps[name]?.(stage);
  for (let i = 0; i < 5; i++) await turn();
  expect([stage.clientClosed, stage.over, stage.upstream.destroyed]).toEqual([1, 0, false]);
  steps['upstream resets']?.(stage);
  await turn();
  expect([stage.over, stage.failures, stage.clock.live]).toEqual([1, 0, 0]);
});
