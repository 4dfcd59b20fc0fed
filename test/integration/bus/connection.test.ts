import { afterEach, describe, expect, it } from 'vitest';
import { connectWire, type NatsWire, type WireSettings } from '../../../src/bus/connection.ts';
import type { WireMessage, WireState } from '../../../src/bus/wire.ts';
import { freePort, type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { until } from '../until.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

const wires: NatsWire[] = [];
afterEach(async () => {
  await Promise.all(wires.splice(0).map((wire) => wire.close()));
  await stopNatsServers();
});

function open(urls: string | string[], settings: Partial<WireSettings> = {}) {
  const recording = new RecordingLog();
  const counters = new RecordingCounters();
  const states: WireState[] = [];
  const wire = connectWire({
    link: 'm',
    name: 'flotilla m test 0123',
    urls: [urls].flat(),
    settings: { ...wireSettings, ...settings },
    log: recording.log,
    counters,
    clock,
    random,
  });
  wires.push(wire);
  wire.onState((state) => states.push(state));
  return { wire, recording, counters, states };
}

async function opened(server: NatsServer, settings: Partial<WireSettings> = {}) {
  const connection = open(server.url, settings);
  await until(() => connection.wire.state === 'up');
  return connection;
}

/** Collects what arrives on a subject. */
function collect(wire: NatsWire, pattern: string) {
  const received: string[] = [];
  wire.subscribe(pattern, ({ data }) => received.push(text(data)));
  return received;
}

/** Publishes until it arrives: a subscription is not yet known everywhere in the moment it is made. */
async function exchange(from: NatsWire, to: NatsWire, subject: string): Promise<void> {
  const received = collect(to, subject);
  await until(() => {
    from.publish(subject, bytes('x'));
    return received.length > 0;
  });
}

describe.each(await natsBinaries())('a wire on nats-server $version', ({ version, binary }) => {
  it('BUS-8 delivers to all subscribers, itself included, in the order sent, with reply and headers', async () => {
    const server = await startNatsServer({ binary });
    const [a, b] = [await opened(server), await opened(server)];
    const own = collect(a.wire, 'x.*');
    const messages: WireMessage[] = [];
    b.wire.subscribe('x.>', (message) => messages.push(message));
    await exchange(a.wire, b.wire, 'ready');
    for (let i = 0; i < 100; i++) {
      expect(a.wire.publish(`x.${i}`, bytes(`${i}`), { reply: 'answers', headers: { Colour: 'blue' } })).toBe(
        true,
      );
    }
    await until(() => messages.length === 100 && own.length === 100);
    expect(own).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(messages.map(({ data }) => text(data))).toEqual(own);
    expect(messages[7]?.subject).toBe('x.7');
    expect(messages[7]?.reply).toBe('answers');
    expect(messages[7]?.header('Colour')).toBe('blue');
    expect(messages[7]?.header('Shape')).toBeUndefined();
  });

  it('tells what cluster info prints: server without credentials, version, round trip', async () => {
    const server = await startNatsServer({ binary, config: 'authorization { user: u, password: "s3cret" }' });
    const { wire, recording } = open(`nats://u:s3cret@127.0.0.1:${server.port}`);
    expect(wire.server()).toBeUndefined();
    await until(() => wire.rttMs() !== undefined);
    expect(wire.server()).toBe(server.url);
    expect(wire.serverVersion()).toBe(version);
    expect(wire.rttMs()).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(recording.lines)).not.toContain('s3cret');
  });

  it('stops delivery to a handler that unsubscribed, and queue members share the messages', async () => {
    const server = await startNatsServer({ binary });
    const { wire } = await opened(server);
    const counts = [0, 0, 0];
    const single = wire.subscribe('job', () => counts[0]!++);
    for (const member of [1, 2]) wire.subscribe('job', () => counts[member]!++, 'workers');
    await exchange(wire, wire, 'ready');
    single.unsubscribe();
    for (let i = 0; i < 50; i++) wire.publish('job', bytes(''));
    await until(() => counts[1]! + counts[2]! === 50);
    expect(counts[0]).toBe(0);
  });

  it('BUS-17 starts without a server, tells the problem once, and comes up when there is one', async () => {
    const port = await freePort();
    const { wire, recording, states } = open(`nats://127.0.0.1:${port}`);
    const received = collect(wire, 'early');
    expect(wire.state).toBe('connecting');
    await until(() => recording.lines.filter(({ level }) => level === 'debug').length >= 3);
    expect(recording.problems('FLT-1201')).toHaveLength(1);
    expect(states).toEqual([]);
    await startNatsServer({ binary, port });
    await until(() => {
      wire.publish('early', bytes('hello'));
      return received.length > 0;
    });
    expect(states).toEqual(['up']);
  });

  it('BUS-25 refuses to publish while down and sends nothing of it later', async () => {
    const server = await startNatsServer({ binary });
    const { wire, counters, states } = await opened(server);
    const received = collect(wire, 'ordered');
    await exchange(wire, wire, 'ready');
    await server.kill();
    await until(() => wire.state === 'down');
    expect(wire.publish('ordered', bytes('stale'))).toBe(false);
    expect(counters.count('bus_publish_refused_down')).toBeGreaterThan(0);
    await server.start();
    await until(() => wire.state === 'up');
    await until(() => {
      wire.publish('ordered', bytes('fresh'));
      return received.length > 0;
    });
    expect(received).not.toContain('stale');
    expect(states.slice(-2)).toEqual(['down', 'up']);
  });

  it('BUS-25 nothing published in the moment of the loss arrives after the reconnect', async () => {
    const server = await startNatsServer({ binary });
    const [sender, receiver] = [await opened(server), await opened(server)];
    const received = collect(receiver.wire, 'count');
    await exchange(sender.wire, receiver.wire, 'ready');
    let sent = 0;
    let sentBeforeLoss = 0;
    sender.wire.onState((state) => {
      if (state === 'down') sentBeforeLoss = sent;
    });
    const timer = setInterval(() => sender.wire.publish('count', bytes(`${sent++}`)), 1);
    await until(() => received.length > 10);
    await server.kill();
    await until(() => sender.wire.state === 'down' && receiver.wire.state === 'down');
    const receivedBefore = received.length;
    await server.start();
    await until(() => received.length > receivedBefore + 10);
    clearInterval(timer);
    expect(received.slice(receivedBefore).every((number) => Number(number) >= sentBeforeLoss)).toBe(true);
  });

  it('subscriptions survive restarts of the server, and one removed while down stays removed', async () => {
    const server = await startNatsServer({ binary });
    const { wire } = await opened(server);
    let removed = 0;
    const subscription = wire.subscribe('removed', () => removed++);
    const received = collect(wire, 'kept');
    for (let round = 1; round <= 3; round++) {
      await server.kill();
      await until(() => wire.state === 'down');
      subscription.unsubscribe();
      await server.start();
      await until(() => wire.state === 'up');
      wire.publish('removed', bytes('x'));
      wire.publish('kept', bytes(`${round}`));
      await until(() => received.length === round);
    }
    expect(received).toEqual(['1', '2', '3']);
    expect(removed).toBe(0);
  });

  it('an exception in a handler or a listener is logged and counted, and the reader lives on', async () => {
    const server = await startNatsServer({ binary });
    const { wire, recording, counters } = open(server.url);
    wire.onState(() => {
      throw new Error('listener broke');
    });
    const received = collect(wire, 'x');
    wire.subscribe('x', () => {
      throw new Error('handler broke');
    });
    await until(() => wire.state === 'up');
    for (let i = 0; i < 10; i++) wire.publish('x', bytes(`${i}`));
    await until(() => received.length === 10);
    expect(counters.count('bus_handler_errors')).toBe(10);
    expect(recording.texts('error').some((line) => line.includes('a handler of x failed'))).toBe(true);
    expect(recording.texts('error').some((line) => line.includes('a listener of bus link m failed'))).toBe(
      true,
    );
  });

  it('goes to the next server when one is gone', async () => {
    const [first, second] = [await startNatsServer({ binary }), await startNatsServer({ binary })];
    const { wire } = open([first.url, second.url]);
    await until(() => wire.state === 'up');
    const [used, other] = wire.server() === first.url ? [first, second] : [second, first];
    await used.kill();
    await until(() => wire.server() === other.url);
    expect(wire.state).toBe('up');
  });

  it('BUS-24 notices a server that is alive but silent, leaves no socket behind, and returns when it answers', async () => {
    const server = await startNatsServer({ binary });
    const { wire, recording } = await opened(server, {
      pingIntervalMs: 50,
      connectTimeoutMs: 50,
      reconnectWaitMs: 20,
    });
    const socketsBefore = openSockets();
    server.pause();
    // More than the sockets hold: the last write of the library to a stale connection would never end.
    for (let i = 0; i < 50; i++) wire.publish('x', new Uint8Array(1_000_000));
    await until(() => wire.state === 'down');
    await until(() => recording.texts('debug').length >= 10);
    expect(openSockets()).toBeLessThanOrEqual(socketsBefore);
    server.resume();
    await until(() => wire.state === 'up');
  });

  it('BUS-3 a connection whose backlog does not move is given up, and its memory is bounded', async () => {
    const server = await startNatsServer({ binary });
    const { wire, counters, recording } = await opened(server, {
      maxBacklog: 100,
      pingIntervalMs: 600_000,
      connectTimeoutMs: 100,
    });
    server.pause();
    const big = new Uint8Array(100_000);
    let admitted = 0;
    await until(() => {
      if (wire.publish('x', big)) admitted++;
      return wire.state === 'down';
    });
    expect(admitted).toBeLessThanOrEqual(100);
    expect(counters.count('bus_stuck_connections')).toBe(1);
    expect(counters.count('bus_publish_refused_backlog')).toBeGreaterThan(0);
    expect(recording.texts('warning').some((line) => line.includes('no longer reads'))).toBe(true);
    server.resume();
    await until(() => wire.state === 'up');
    expect(wire.publish('x', big)).toBe(true);
  });

  it('a burst above the backlog is refused in part, without loss of a healthy connection', async () => {
    const server = await startNatsServer({ binary });
    const { wire, states } = await opened(server, { maxBacklog: 100 });
    const received = collect(wire, 'burst');
    await exchange(wire, wire, 'ready');
    let accepted = 0;
    for (let i = 0; i < 1_000; i++) if (wire.publish('burst', bytes(`${i}`))) accepted++;
    expect(accepted).toBeGreaterThanOrEqual(90);
    expect(accepted).toBeLessThanOrEqual(100);
    await until(() => received.length === accepted);
    await until(() => wire.publish('burst', bytes('more')));
    expect(states).toEqual(['up']);
  });

  it('BUS-15 knows the largest payload of the server and refuses more, without losing the connection', async () => {
    const server = await startNatsServer({ binary, config: 'max_payload: 4096' });
    const { wire, recording, counters } = await opened(server);
    expect(wire.maxPayloadBytes).toBe(4096);
    const received: number[] = [];
    wire.subscribe('x', ({ data }) => received.push(data.length));
    await exchange(wire, wire, 'ready');
    expect(wire.publish('x', new Uint8Array(4097))).toBe(false);
    expect(wire.publish('x', new Uint8Array(4096))).toBe(true);
    await until(() => received.length === 1);
    expect(received).toEqual([4096]);
    expect(counters.count('bus_publish_failed')).toBe(1);
    expect(recording.problems('FLT-1204')).toHaveLength(1);
  });

  it('close sends what is queued, ends for good, and may be called twice', async () => {
    const server = await startNatsServer({ binary });
    const [a, b] = [await opened(server), await opened(server)];
    const received = collect(b.wire, 'goodbye');
    await exchange(a.wire, b.wire, 'ready');
    a.wire.publish('goodbye', bytes('from a'));
    await Promise.all([a.wire.close(), a.wire.close()]);
    expect(a.wire.state).toBe('closed');
    expect(a.wire.publish('goodbye', bytes('late'))).toBe(false);
    await until(() => received.length > 0);
    expect(received).toEqual(['from a']);
    expect(a.states).toEqual(['up', 'closed']);
  });

  it('close ends in time while the server is silent, and while there is none', async () => {
    const server = await startNatsServer({ binary });
    const { wire } = await opened(server, { pingIntervalMs: 600_000 });
    server.pause();
    await wire.close();
    const absent = open(`nats://127.0.0.1:${await freePort()}`);
    await absent.wire.close();
    expect([wire.state, absent.wire.state]).toEqual(['closed', 'closed']);
  });
});

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
}
