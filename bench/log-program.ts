/**
 * Program of a child process: a whole node that logs numbered lines to a journal, a whole manager that pulls them into a
 * file, as programs start them; or neither, and the lines go to a plain file.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startManager, startNode } from '../src/index.ts';
import type { LogTasks } from './log-process.ts';
import { nowUs, serveTasks } from './task-process.ts';
import { TurnMeter } from './turn-meter.ts';

const [role, url = '', folder = '', lineBytes = ''] = process.argv.slice(2);
/** Lines that may wait in memory; see `spill`. */
const burst = 5000;
const paceMs = 2;

if (role === 'manager') await beManager();
else if (role === 'plain') bePlain();
else await beNode();

async function beManager(): Promise<void> {
  await startManager({
    servers: [url],
    logOutput: { write: () => {} },
    configText: `
      cluster { nodename = mgr  nodeaddr = 127.0.0.1  state_dir = "${folder}"  debug_level = error }
      Control_Listener { Listen "${folder}/mgr.console" {} }
      Logs { logfile = "${folder}/out" }`,
  });
  process.on('disconnect', () => process.exit());
}

async function beNode(): Promise<void> {
  const node = await startNode({
    nodename: 'relay-1',
    servers: [url],
    logOutput: { write: () => {} },
    configText: `
      ec_logger "bench" {
        mainlog = "null://"  paniclog = "null://"  rejectlog = "null://"  acctlog = "null://"
        importlog = "cluster://${folder}/journal=>master"  heartbeat = 0  spill = 100000
      }
      cluster { nodeaddr = 127.0.0.1  state_dir = "${folder}"  debug_level = error  logs = [ importlog = "${folder}/journal" ] }
      Control_Listener { Listen "${folder}/node.console" {} }`,
  });
  serveLines(
    (text) => node.logs.imported(text),
    () => node.logs.flush(),
  );
}

/** What Node itself and the machine do to a process that hands on the same lines: they are appended to a plain file. */
function bePlain(): void {
  const file = createWriteStream(join(folder, 'plain'));
  const flushed = () => new Promise<void>((done) => file.write('', () => done()));
  serveLines((text) => void file.write(`${text}\n`), flushed);
}

function serveLines(log: (text: string) => void, flush: () => Promise<void>): void {
  const filling = 'x'.repeat(Number(lineBytes) - 29);
  let written = 0;
  const line = (): void =>
    log(`${String(written++).padStart(10, '0')} ${String(nowUs()).padStart(16, '0')} ${filling}`);
  let pacing: NodeJS.Timeout | undefined;
  const turns = new TurnMeter();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  serveTasks<LogTasks>({
    write: async (lines) => {
      for (let left = lines; left > 0; left -= burst) {
        for (let n = Math.min(left, burst); n > 0; n--) line();
        await flush();
      }
      return undefined;
    },
    pace: (linesPerSecond) => {
      clearInterval(pacing);
      const [beganMs, before] = [performance.now(), written];
      if (linesPerSecond > 0)
        pacing = setInterval(() => {
          const due = before + ((performance.now() - beganMs) * linesPerSecond) / 1000;
          for (let n = 0; n < burst && written < due; n++) line();
        }, paceMs);
      return undefined;
    },
    written: () => written,
    turns: () => {
      const latestMs = delay.max / 1e6;
      delay.reset();
      return { ...turns.take(), latestMs };
    },
  });
}
