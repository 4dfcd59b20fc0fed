/** `flotilla cfg put running`, and `cat running/NODENAME.conf`: what processes run with, beside the repository (CONF-11.1). */
import { Writable } from 'node:stream';
import { defaultEndpoint } from '../console/client/endpoint.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Place } from './cfg-place.ts';
import { openConsole } from './open-console.ts';

/** Stores what the process on this machine runs with, if it differs. `endpoint`: its console. */
export async function putRunning(place: Place, endpoint: string | undefined): Promise<number> {
  const { record } = await place.workingCopy.open();
  const text = await runningText(endpoint ?? process.env.CONTROL ?? defaultEndpoint);
  const bus = await place.connect();
  try {
    const running = await bus.running(record.subcluster);
    const isNew = await running.save(place.nodename, text);
    place.print(isNew ? `Saved running/${place.nodename}.conf\n` : 'Nothing to commit\n');
    return 0;
  } finally {
    await bus.close();
  }
}

/** Of which process a path means the running configuration. */
export function runningNode(path: string): string | undefined {
  return /^running\/([^/]+)\.conf$/.exec(path)?.[1];
}

/** Throws FLT-2312 when nothing was saved. */
export async function printRunning(place: Place, node: string): Promise<number> {
  const { record } = await place.workingCopy.open();
  const bus = await place.connect();
  try {
    const text = await (await bus.running(record.subcluster)).last(node);
    if (!text) throw new FlotillaError('FLT-2312', `running/${node}.conf`);
    process.stdout.write(text);
    return 0;
  } finally {
    await bus.close();
  }
}

async function runningText(endpoint: string): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  const output = new Writable({
    write: (part: Buffer, _, written) => {
      parts.push(part);
      written();
    },
  });
  const exitCode = await openConsole(endpoint, ['config', 'showrecurse'], { t: 60 }, output);
  if (exitCode === undefined) throw new FlotillaError('FLT-1502', `'${endpoint}' is no console endpoint`);
  const text = Buffer.concat(parts);
  if (exitCode !== 0) throw new FlotillaError('FLT-2318', text.toString().trim());
  return text;
}
