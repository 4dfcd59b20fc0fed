/**
 * A mail queue on a node: `node --import tsx examples/queue-host/main.ts CONFIG FOLDER`. Mail that comes in on an
 * ESMTP_Listener without `Upstream` is kept in FOLDER, delivered (to FOLDER/delivered) by the node that owns its binding,
 * and moved there first.
 *
 * Commands on standard input: `queue`, `suspend`, `resume`, `console LINE`; the answer ends with a line of one dot.
 */
import { createInterface } from 'node:readline';
import { type LocalService, type RunningNode, startNode } from '../../src/index.ts';
import { QueueHost } from './host.ts';
import { smtpService } from './smtp.ts';
import { Spool } from './spool.ts';

const [configFile, folder] = process.argv.slice(2);
if (configFile === undefined || folder === undefined) {
  console.error('usage: node --import tsx examples/queue-host/main.ts CONFIG FOLDER');
  process.exit(1);
}

const spool = await Spool.open(folder);
let host: QueueHost;
const services: Record<string, LocalService> = {};
const node = await startNode({
  configFile,
  services,
  beforeJoin: (joining) => {
    host = new QueueHost({
      node: joining,
      spool,
      // Where this stands a mail server would speak SMTP with the world.
      deliver: async ({ id }) => void (await spool.delivered(id)),
      lifeMs: 3_600_000,
      retryMs: 60_000,
      movesPerSecond: 500,
    });
    const smtp = smtpService(joining.settings.nodename, () => host);
    for (const { listen } of joining.settings.listeners) services[`${listen.host}:${listen.port}`] = smtp;
  },
});

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, async () => {
    // First: what goes away with its addresses may still be moved.
    await node.stop();
    await host.stop();
    process.exit();
  });

console.log(`${node.settings.nodename} serves`);
for await (const line of createInterface({ input: process.stdin })) {
  console.log(`${await answerTo(line.trim(), host!, node)}.`);
}

async function answerTo(line: string, queue: QueueHost, asked: RunningNode): Promise<string> {
  if (line === 'suspend' || line === 'resume') queue.suspended = line === 'suspend';
  if (line === 'resume') queue.judge();
  if (line === 'queue') return [...queue.listing()].map(([name, count]) => `${name} ${count}\n`).join('');
  if (line.startsWith('console ')) return (await asked.console(line.slice('console '.length))).text;
  return '';
}
