/**
 * `npm run soak -- [--minutes N] [--sessions N]`: three nodes, a manager and a nats-server as real processes under steady
 * load. Prints by how much memory (its floors) and handles grow in a minute, and how late event loops were, from the processes' own
 * figures. Ends with 1 when a process died, when work failed, or when handles are left over after the load.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Fleet, type NodeProcess } from '../integration/cluster/fleet.ts';
import { freePort, startNatsServer, stopNatsServers } from '../integration/nats-server.ts';
import { until } from '../integration/until.ts';
import { Load, openUpstream } from './load.ts';
import { floors, type Sample, settled, slopePerMinute } from './slope.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, sessions: { type: 'string', default: '60' } },
});
const minutes = Number(values.minutes);
const sessions = Number(values.sessions);
if (!(minutes > 0) || !(sessions > 0)) throw new Error('--minutes and --sessions are numbers above 0');

/** Files of journals, opened with the first line, and sockets that come and go with their peers. */
const fewHandles = 12;
const sampleMs = 1_000;
const samplesALine = 60;
/** Longer than the heap takes from one collection to the next. */
const samplesAFloor = 20;

const watched = {
  memory: 'process_resident_memory_bytes',
  heap: 'process_heap_bytes',
  handles: 'process_open_fds',
  delay: 'flotilla_event_loop_delay_p99_seconds',
  cpu: 'process_cpu_seconds_total',
  members: 'flotilla_view_members',
} as const;
type Figure = keyof typeof watched;

class Watched {
  readonly node: NodeProcess;
  readonly #port: number;
  readonly samples: Record<Figure, Sample[]> = {
    memory: [],
    heap: [],
    handles: [],
    delay: [],
    cpu: [],
    members: [],
  };

  constructor(node: NodeProcess, port: number) {
    this.node = node;
    this.#port = port;
  }

  async figures(): Promise<Record<Figure, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text();
    const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    const figures = Object.entries(watched).map(([figure, name]) => [figure, read(name)]);
    return Object.fromEntries(figures) as Record<Figure, number>;
  }

  async sample(atS: number): Promise<void> {
    const figures = await this.figures();
    for (const figure of Object.keys(watched) as Figure[])
      this.samples[figure].push({ atS, value: figures[figure] });
  }
}

const fleet = new Fleet();
const problems: string[] = [];
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void end().then(() => process.exit(1)));
try {
  await soak();
} finally {
  await end();
}
for (const problem of problems) console.error(`soak: ${problem}`);
console.log(problems.length === 0 ? 'soak: nothing was wrong' : `soak: ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

async function end(): Promise<void> {
  await fleet.end();
  await stopNatsServers();
}

async function soak(): Promise<void> {
  const { url } = await startNatsServer();
  const { server, port } = await openUpstream();
  const names = ['relay-1', 'relay-2', 'relay-3'];
  const nodes = await Promise.all(names.map((name) => startRelay(name, url, port)));
  const manager = await startManager(url);
  const all = [...nodes, manager];
  for (const each of all) await until(async () => (await each.figures()).members === all.length);
  const before = await Promise.all(all.map((each) => each.figures()));
  console.log(`soak: ${minutes} minutes, ${sessions} sessions at once, three nodes and a manager`);

  const targets = { url, sessions, nodes: nodes.map(({ node }) => ({ name: node.name, port: node.port })) };
  const load = await Load.begin(targets, server);
  const beginMs = performance.now();
  const endMs = beginMs + minutes * 60_000;
  while (performance.now() < endMs) {
    await new Promise((resume) => setTimeout(resume, sampleMs));
    const dead = all.find(({ node }) => node.exitCode !== undefined);
    if (dead) {
      problems.push(`${dead.node.name} ended:\n${dead.node.log().slice(-2_000)}`);
      break;
    }
    await Promise.all(all.map((each) => each.sample((performance.now() - beginMs) / 1000)));
    if (all[0]!.samples.memory.length % samplesALine === 0) console.log(minuteOf(all));
  }
  await load.stop();
  report(all, load);
  await areHandlesBack(all, before);
}

/** Memory and heap in MB at the least of the last minute: what is above it was waiting to be collected. */
function minuteOf(all: readonly Watched[]): string {
  const least = (samples: readonly Sample[]) =>
    (Math.min(...samples.slice(-samplesALine).map(({ value }) => value)) / 1e6).toFixed(0);
  const cells = all.map(
    ({ node, samples }) => `${node.name} ${least(samples.memory)}, ${least(samples.heap)}`,
  );
  const minute = Math.round(all[0]!.samples.memory.at(-1)!.atS / 60);
  return `  ${minute} min: memory and heap, MB: ${cells.join('; ')}`;
}

function report(all: readonly Watched[], { counts }: Load): void {
  console.log('process   memory MB  slope MB/min  heap slope  handles  slope/min  loop p99 ms  cpu %');
  for (const { node, samples } of all) {
    const last = (figure: Figure) => samples[figure].at(-1)?.value ?? 0;
    const slope = (figure: Figure) => slopePerMinute(settled(samples[figure]));
    const slopeOfFloors = (figure: Figure) => slopePerMinute(floors(settled(samples[figure]), samplesAFloor));
    const worst = Math.max(...samples.delay.map(({ value }) => value));
    const cells = [
      (last('memory') / 1e6).toFixed(1).padStart(9),
      (slopeOfFloors('memory') / 1e6).toFixed(3).padStart(12),
      (slopeOfFloors('heap') / 1e6).toFixed(3).padStart(10),
      String(last('handles')).padStart(7),
      slope('handles').toFixed(2).padStart(9),
      (worst * 1000).toFixed(1).padStart(11),
      // Seconds of a processor in a minute.
      ((slope('cpu') / 60) * 100).toFixed(1).padStart(5),
    ];
    console.log(`${node.name.padEnd(9)} ${cells.join('  ')}`);
  }
  const { sessions: ended, messages, requests, failures } = counts;
  console.log(`work: ${ended} sessions, ${messages} lines, ${requests} requests over NATS`);
  for (const [reason, times] of failures) problems.push(`failed ${times} times: ${reason}`);
}

/** What is still open when nothing is asked for any more has been forgotten. */
async function areHandlesBack(
  all: readonly Watched[],
  before: readonly Record<Figure, number>[],
): Promise<void> {
  for (const [at, each] of all.entries()) {
    const most = before[at]!.handles + fewHandles;
    const isBack = async () => (await each.figures()).handles <= most;
    await until(isBack, 30_000).catch(async () => {
      const { handles } = await each.figures();
      problems.push(
        `${each.node.name} has ${handles} handles after the load, ${before[at]!.handles} before it`,
      );
    });
  }
}

async function startRelay(name: string, url: string, upstreamPort: number): Promise<Watched> {
  const port = await freePort();
  const journal = join(fleet.folder, `${name}-mainlog`);
  const node = await fleet.start({
    name,
    servers: [url],
    upstreamPort,
    cluster: `logs = [ mainlog = "${journal}" ]
      Replicate "senders" { type = cache  parameters = "snapshot" }  Replicate "shared_named_throttles" { }`,
    scopes: `Datasource "senders" { }
      ec_logger "all" { mainlog = "cluster://${journal}=>master" rejectlog = "null://" paniclog = "null://" acctlog = "null://" }
      ${watchedOn(port)}`,
  });
  return new Watched(node, port);
}

async function startManager(url: string): Promise<Watched> {
  const port = await freePort();
  const logs = `Logs { logfile = "${join(fleet.folder, 'logs')}/%{l}/%{n}" }`;
  const node = await fleet.start({
    name: 'barca',
    role: 'manager',
    servers: [url],
    scopes: `${logs} ${watchedOn(port)}`,
  });
  return new Watched(node, port);
}

function watchedOn(port: number): string {
  return `Metrics_Listener { Listen "127.0.0.1:${port}" { } }`;
}
