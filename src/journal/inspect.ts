/**
 * Looks at a segment record by record, as a tool does that was asked whether it is right: nothing is trusted, nothing
 * changed, and it stops at the first thing that is wrong.
 */
import type { JournalFile } from './files.ts';
import { get32, type RecordFormat, recordLength } from './layout.ts';
import { sliceBytes } from './scan.ts';

export interface RecordSeen {
  /** From 1. */
  readonly index: number;
  readonly offset: number;
  readonly seconds: number;
  readonly microseconds: number;
  /** Of the payload, expanded. */
  readonly length: number;
  /** The payload as it stands in the file. */
  readonly stored: Buffer;
}

export type SegmentProblem =
  | { readonly kind: 'magic'; readonly index: number; readonly offset: number; readonly magic: number }
  | { readonly kind: 'off-the-end'; readonly index: number; readonly offset: number; readonly length: number }
  | { readonly kind: 'junk'; readonly bytes: number };

export async function inspectRecords(
  file: Pick<JournalFile, 'read'>,
  format: RecordFormat,
  size: number,
  onRecord: (record: RecordSeen) => Promise<void> | void,
): Promise<SegmentProblem | undefined> {
  const { headerSize, magic, order } = format;
  const window = new SlidingWindow(file, size);
  let offset = 0;
  for (let index = 1; offset < size; index++) {
    if (size - offset < headerSize) return { kind: 'junk', bytes: size - offset };
    const header = await window.bytes(offset, headerSize);
    const found = get32(header, 0, order);
    if (found !== magic) return { kind: 'magic', index, offset, magic: found };
    const whole = recordLength(header, 0, format);
    if (offset + whole > size) return { kind: 'off-the-end', index, offset, length: whole - headerSize };
    await onRecord({
      index,
      offset,
      seconds: get32(header, 4, order),
      microseconds: get32(header, 8, order),
      length: get32(header, 12, order),
      stored: (await window.bytes(offset, whole)).subarray(headerSize),
    });
    offset += whole;
  }
  return undefined;
}

/** In the words of jlogctl. */
export function describeProblem(problem: SegmentProblem, { headerSize }: RecordFormat): string {
  if (problem.kind === 'junk') return `${problem.bytes} bytes of junk at the end`;
  const where = `Message ${problem.index} at [${problem.offset}]`;
  return problem.kind === 'magic'
    ? `${where} has invalid reserved value ${problem.magic}`
    : `${where} of (${headerSize}+${problem.length}) OFF THE END!`;
}

/** Reads forward in slices; a larger record makes the slice as large. */
class SlidingWindow {
  readonly #file: Pick<JournalFile, 'read'>;
  readonly #size: number;
  #base = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: Pick<JournalFile, 'read'>, size: number) {
    this.#file = file;
    this.#size = size;
  }

  async bytes(offset: number, length: number): Promise<Buffer> {
    if (offset + length > this.#base + this.#bytes.length) {
      const slice = Buffer.alloc(Math.min(Math.max(sliceBytes, length), this.#size - offset));
      await this.#file.read(slice, offset);
      this.#base = offset;
      this.#bytes = slice;
    }
    return this.#bytes.subarray(offset - this.#base, offset - this.#base + length);
  }
}
