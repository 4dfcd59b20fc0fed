/**
 * `flotilla cidr-maintain`: compresses and deletes files of series by their age (replication 11.8). To be run once a day.
 *
 * Invariant: at each moment a period is in one whole file at least; of two that are the same, one counts.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { renderFindings } from '../config/report.ts';
import { checkUpkeep } from '../config/upkeep.ts';
import { FlotillaError } from '../core/errors.ts';
import { planUpkeep } from '../core/series/journal-upkeep.ts';
import { usualDirectory } from './usual-directory.ts';

/** The exit code: 1 when the file is wrong, or something could not be done. */
export async function maintainJournals(configFile: string): Promise<number> {
  const { result, upkeep } = checkUpkeep(configFile);
  if (!result.found) throw new FlotillaError('FLT-1003', `there is no file '${configFile}'`);
  if (result.findings.length > 0) process.stderr.write(renderFindings(result));
  if (!upkeep) return 1;
  const directory = upkeep.directory ?? usualDirectory();
  const plan = planUpkeep(await readdir(directory), upkeep, Date.now());
  const removed = await eachOf(directory, plan.remove, (path) => rm(path));
  const compressed = await eachOf(directory, plan.compress, compress);
  process.stdout.write(`${directory}: ${compressed} compressed, ${removed} deleted\n`);
  return removed + compressed === plan.remove.length + plan.compress.length ? 0 : 1;
}

/** How many it could be done for; one that it cannot be done for does not keep the others. */
async function eachOf(
  directory: string,
  names: readonly string[],
  change: (path: string) => Promise<void>,
): Promise<number> {
  let done = 0;
  for (const name of names) {
    const path = join(directory, name);
    try {
      await change(path);
      done++;
    } catch (error) {
      process.stderr.write(`flotilla: ${path}: ${error instanceof Error ? error.message : error}\n`);
    }
  }
  return done;
}

async function compress(path: string): Promise<void> {
  const temporary = `${path}.gz.new`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, { flush: true }));
  await rename(temporary, `${path}.gz`);
  await rm(path);
}
