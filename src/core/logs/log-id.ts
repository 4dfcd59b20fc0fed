/**
 * Where a record stands in a journal. Ids of one journal only ever grow, and a checkpoint is the id of the last record
 * that was consumed.
 */

/** Record number `marker`, from 1, of a segment; 0 stands before the first. */
export interface LogId {
  readonly segment: number;
  readonly marker: number;
}

export function compareIds(a: LogId, b: LogId): number {
  return a.segment - b.segment || a.marker - b.marker;
}

export const hex8 = (value: number): string => value.toString(16).padStart(8, '0');

/** `00000000:0000a43a` */
export function formatId({ segment, marker }: LogId): string {
  return `${hex8(segment)}:${hex8(marker)}`;
}

export function parseId(text: string): LogId | undefined {
  const match = /^([0-9a-f]{8}):([0-9a-f]{8})$/i.exec(text);
  return match
    ? { segment: Number.parseInt(match[1]!, 16), marker: Number.parseInt(match[2]!, 16) }
    : undefined;
}
