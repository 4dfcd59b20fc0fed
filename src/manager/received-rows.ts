/**
 * What a manager had received of the nodes when it wrote its last files, as a file beside them: `as_logger.state`. Without
 * it a manager that starts again could not tell what is in its files already from what was counted while it was away.
 *
 * A line of text, then rows in parts, as they travel between nodes, each behind its length.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { SeriesReplica } from '../actors/series-replica.ts';
import { decodeSharedMessage, encodeSharedMessage } from '../bus/shared-codec.ts';
import type { Clock } from '../core/clock.ts';
import type { Incarnation } from '../core/identity.ts';
import { EventRow } from '../core/series/event-row.ts';
import { Turns } from '../node/turns.ts';
import { writeWhole } from '../node/whole-file.ts';

export interface ReceivedRows {
  /** When this manager began to write files, in seconds since the epoch. */
  readonly sinceS: number;
  /** End of the last period that is in files. */
  readonly endMs: number;
  /** By name of the shared object, then by life. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<Incarnation, EventRow>>;
}

const lengthBytes = 4;

export async function saveRows(
  path: string,
  { sinceS, endMs }: Pick<ReceivedRows, 'sinceS' | 'endMs'>,
  replicas: Iterable<SeriesReplica>,
  clock: Clock,
): Promise<void> {
  await writeWhole(path, piecesOf(`#as_logger v1 ${sinceS} ${endMs}\n`, replicas), clock);
}

/** Undefined: there is none. `damaged`: it cannot be read. */
export async function loadRows(path: string, clock: Clock): Promise<ReceivedRows | 'damaged' | undefined> {
  if (!existsSync(path)) return undefined;
  const bytes = await readFile(path);
  const lineEnd = bytes.indexOf('\n');
  const head = /^#as_logger v1 (\d{1,15}) (\d{1,15})$/.exec(
    bytes.toString('latin1', 0, Math.max(0, lineEnd)),
  );
  const rows = head ? await rowsIn(bytes.subarray(lineEnd + 1), new Turns(clock)) : undefined;
  return head && rows ? { sinceS: Number(head[1]), endMs: Number(head[2]), rows } : 'damaged';
}

function* piecesOf(
  head: string,
  replicas: Iterable<SeriesReplica>,
): Generator<string | Uint8Array, void, void> {
  yield head;
  for (const { name: object, type, table } of replicas) {
    for (const [from, changes] of table.othersRows()) {
      const part = encodeSharedMessage({ kind: 'batch', object, type, from, sequence: 0, changes });
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt32BE(part.length);
      yield Buffer.concat([length, part]);
    }
  }
}

async function rowsIn(bytes: Buffer, turns: Turns): Promise<ReceivedRows['rows'] | undefined> {
  const rows = new Map<string, Map<Incarnation, EventRow>>();
  for (let at = 0; at < bytes.length; ) {
    const start = at + lengthBytes;
    if (start > bytes.length) return undefined;
    at = start + bytes.readUInt32BE(at);
    const part = at > bytes.length ? undefined : decodeSharedMessage(bytes.subarray(start, at));
    if (part?.kind !== 'batch') return undefined;
    const ofObject = rows.get(part.object) ?? new Map<Incarnation, EventRow>();
    rows.set(part.object, ofObject);
    const row = ofObject.get(part.from) ?? new EventRow();
    ofObject.set(part.from, row);
    row.apply(part.changes);
    await turns.next();
  }
  return rows;
}
