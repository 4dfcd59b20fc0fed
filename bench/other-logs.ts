/**
 * What others make of the records of the journal benchmark: a stream of nats-server in files, and rsyslog.
 *
 * Neither syncs each record before it is acknowledged: JetStream syncs every two minutes, rsyslog when it ends. So they
 * have the easier task. Nothing of them outlives the measurement.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection, StorageType } from 'nats';
import { freePort, startNatsServer } from '../test/integration/nats-server.ts';
import { until } from '../test/integration/until.ts';
import { type Load, waitingWriters } from './journal-load.ts';
import { percentile } from './report.ts';

export interface StreamSpeed {
  readonly published: number;
  readonly acknowledged: number;
  readonly p99Ms: number;
  readonly read: number;
}

const stream = 'bench';
const subject = 'bench.lines';
const publishBurst = 1000;

/** Records a second: published without waiting, published by writers that wait for each, read without acknowledging. */
export async function measureJetStream(load: Load): Promise<StreamSpeed> {
  const place = mkdtempSync(join(tmpdir(), 'flotilla-bench-stream-'));
  const server = await startNatsServer({ config: `jetstream { store_dir: "${place}" }` });
  const client = await connect({ servers: server.url });
  try {
    const manager = await client.jetstreamManager();
    await manager.streams.add({ name: stream, subjects: [subject], storage: StorageType.File });
    const published = await publishAll(client, load);
    const { rate, latenciesMs } = await waitingWriters(load, 'y', (payload) =>
      client.jetstream().publish(subject, payload),
    );
    const read = await readAll(client, load.records + load.durable);
    return { published, acknowledged: rate, p99Ms: percentile(latenciesMs, 0.99), read };
  } finally {
    await client.close();
    await server.stop();
    rmSync(place, { recursive: true });
  }
}

async function publishAll(client: NatsConnection, { payloadBytes, records }: Load): Promise<number> {
  const payload = Buffer.alloc(payloadBytes, 'x');
  const beganMs = performance.now();
  for (let n = 1; n < records; n++) {
    client.publish(subject, payload);
    if (n % publishBurst === 0) await client.flush();
  }
  // Stored behind all the others.
  await client.jetstream().publish(subject, payload, { timeout: 60_000 });
  return (records * 1000) / (performance.now() - beganMs);
}

async function readAll(client: NatsConnection, records: number): Promise<number> {
  const consumer = await client.jetstream().consumers.get(stream);
  let count = 0;
  const beganMs = performance.now();
  const messages = await consumer.consume({ max_messages: 10_000 });
  for await (const _ of messages) if (++count === records) break;
  return (records * 1000) / (performance.now() - beganMs);
}

/** Records a second from a TCP connection into a file, until the file has them all. */
export async function measureRsyslog({ payloadBytes, records }: Load): Promise<number> {
  const place = mkdtempSync(join(tmpdir(), 'flotilla-bench-rsyslog-'));
  const [port, output, configuration] = [await freePort(), join(place, 'lines'), join(place, 'rsyslog.conf')];
  writeFileSync(
    configuration,
    `module(load="imptcp")
input(type="imptcp" address="127.0.0.1" port="${port}")
template(name="line" type="string" string="%msg%\\n")
action(type="omfile" file="${output}" template="line" asyncWriting="on" ioBufferSize="256k")
`,
  );
  const pidFile = join(place, 'pid');
  const daemon = spawn('rsyslogd', ['-n', '-f', configuration, '-i', pidFile], { stdio: 'ignore' });
  try {
    const socket = await reach(port);
    const burst = Buffer.from(`${'<22>1 - - - - - - '.padEnd(payloadBytes - 1, 'x')}\n`.repeat(publishBurst));
    const lineBytes = await lineLength(socket, burst.subarray(0, payloadBytes), output);
    const beganMs = performance.now();
    for (let n = 0; n < records; n += publishBurst) if (!socket.write(burst)) await once(socket, 'drain');
    await until(() => statSync(output).size >= lineBytes * (records + 1), 120_000);
    const rate = (records * 1000) / (performance.now() - beganMs);
    socket.destroy();
    return rate;
  } finally {
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
    rmSync(place, { recursive: true });
  }
}

async function reach(port: number): Promise<Socket> {
  let socket: Socket | undefined;
  await until(async () => {
    const attempt = connectTcp(port, '127.0.0.1');
    const isOpen = await once(attempt, 'connect').then(
      () => true,
      () => false,
    );
    if (isOpen) socket = attempt;
    return isOpen;
  });
  return socket!;
}

/** How long one record is in the file. */
async function lineLength(socket: Socket, record: Uint8Array, output: string): Promise<number> {
  socket.write(record);
  const size = () => statSync(output, { throwIfNoEntry: false })?.size ?? 0;
  await until(() => size() > 0, 20_000);
  return size();
}
