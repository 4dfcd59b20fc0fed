/** A process that holds connections, for tests that kill it. Arguments: server URL, then connection names. */
import { connectWire } from '../../../src/bus/connection.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const [url = '', ...names] = process.argv.slice(2);
const surroundings = { log: new RecordingLog().log, counters: new RecordingCounters(), clock, random };
const wires = names.map((name) =>
  connectWire({ link: 'm', name, urls: [url], settings: wireSettings, ...surroundings }),
);
await Promise.all(wires.map((wire) => new Promise((resume) => wire.onState(resume))));
console.log('ready');
