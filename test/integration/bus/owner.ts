/**
 * A node reduced to its embedded server and one connection, as a process of its own that tests can kill.
 * Argument: JSON {nodename, stateDir, settings, binary, orphanGraceSeconds, connectionNames}. Prints `ready PID`.
 */
import { connectWire } from '../../../src/bus/connection.ts';
import { type EmbeddedServerOptions, startEmbeddedServer } from '../../../src/bus/embedded-server.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

interface Order
  extends Pick<
    EmbeddedServerOptions,
    'nodename' | 'stateDir' | 'settings' | 'binary' | 'orphanGraceSeconds'
  > {
  readonly connectionNames: readonly string[];
}

const order: Order = JSON.parse(process.argv[2] ?? '');
const { log } = new RecordingLog();
const surroundings = { log, counters: new RecordingCounters(), clock, random };
const server = await startEmbeddedServer({
  ...order,
  clusterGroup: 'ec_cluster',
  beatIntervalMs: 200,
  tls: undefined,
  ...surroundings,
});
await server.ready;
const settings = { ...wireSettings, credentials: server.credentials };
const wires = order.connectionNames.map((name) =>
  connectWire({ link: 'm', name, urls: [server.url], settings, ...surroundings }),
);
await Promise.all(wires.map((wire) => new Promise((resume) => wire.onState(resume))));
console.log(`ready ${server.pid()}`);
