/** Bytes of quota messages. What follows the fields is ignored, so that a later version can add some. */
import type {
  DeskMessage,
  QuotaMessage,
  ReportItem,
  SurveyMessage,
  ThrottleUse,
} from '../core/throttle/messages.ts';
import { isRate, maxIdLength, type Rate } from '../core/throttle/rate.ts';
import { type LostNode, partitionPolicies } from '../core/throttle/shares.ts';
import { ByteReader, ByteWriter, readList, writeList } from './bytes.ts';
import { firstKind, maxNameLength, readHeader, writeHeader } from './shared-header.ts';
import { readCount, readViewId, writeViewId } from './view-id-codec.ts';

const kinds = [
  'ask',
  'record',
  'grant',
  'report',
  'reported',
  'uses-ask',
  'uses',
] as const satisfies readonly QuotaMessage['kind'][];

const writer = new ByteWriter();

export function encodeQuotaMessage(message: QuotaMessage): Uint8Array {
  writeHeader(writer, firstKind.quota + kinds.indexOf(message.kind), message);
  if ('view' in message) writeViewId(writer, message.view);
  writeFields(message);
  return writer.take();
}

export const knowsQuotaKind = (kind: number): boolean => kinds[kind - firstKind.quota] !== undefined;

/** Undefined for anything that is not a whole message of this version. Never throws. */
export function decodeQuotaMessage(bytes: Uint8Array): QuotaMessage | undefined {
  try {
    const reader = new ByteReader(bytes);
    const { kind: number, header } = readHeader(reader);
    const kind = kinds[number - firstKind.quota];
    if (kind === undefined) return undefined;
    if (kind === 'uses-ask' || kind === 'uses') return readSurvey({ kind, ...header }, reader);
    return readFields({ kind, ...header, view: readViewId(reader) }, reader);
  } catch {
    // RangeError: ends too early, or a value out of range. TypeError: not UTF-8.
    return undefined;
  }
}

function writeFields(message: QuotaMessage): void {
  switch (message.kind) {
    case 'ask':
      writeWindow(message);
      writeRate(message.own);
      writer.f64(message.epsilon);
      writer.u8(partitionPolicies.indexOf(message.partition));
      writer.f64(message.granted);
      writer.f64(message.released);
      writer.f64(message.want);
      return;
    case 'record':
      writeWindow(message);
      writer.incarnation(message.to);
      writer.f64(message.granted);
      writer.f64(message.released);
      writer.u8(message.exhausted ? 1 : 0);
      return;
    case 'grant':
      writeWindow(message);
      writer.f64(message.granted);
      writer.f64(message.released);
      writer.u8(message.exhausted ? 1 : 0);
      return;
    case 'report':
      writer.u16(message.part);
      writer.u16(message.parts);
      writeList(writer, message.items, writeItem);
      writeList(writer, message.lost, writeLost);
      return;
    case 'reported':
      return;
    case 'uses-ask':
      writer.u32(message.request);
      return;
    case 'uses':
      writer.u32(message.request);
      writer.u16(message.part);
      writer.u16(message.parts);
      writeList(writer, message.items, writeUse);
  }
}

type Header = Pick<DeskMessage, 'kind' | 'from' | 'view' | 'type' | 'object'>;

function readFields({ kind, ...header }: Header, reader: ByteReader): DeskMessage {
  switch (kind) {
    case 'ask': {
      const limit = readWindow(reader);
      const own = readRate(reader);
      const epsilon = reader.f64();
      const partition = partitionPolicies[reader.u8()];
      if (!(epsilon > 0 && epsilon < 1) || !partition) throw new RangeError('not an ask');
      return {
        kind,
        ...header,
        ...limit,
        own,
        epsilon,
        partition,
        ...readGranted(reader),
        want: readCount(reader),
      };
    }
    case 'record': {
      const limit = readWindow(reader);
      const to = reader.incarnation();
      return { kind, ...header, ...limit, to, ...readGranted(reader), exhausted: reader.u8() === 1 };
    }
    case 'grant': {
      const limit = readWindow(reader);
      return { kind, ...header, ...limit, ...readGranted(reader), exhausted: reader.u8() === 1 };
    }
    case 'report': {
      const part = readPart(reader);
      const items = readList(reader, readItem);
      return { kind, ...header, ...part, items, lost: readList(reader, readLost) };
    }
    case 'reported':
      return { kind, ...header };
  }
}

function readSurvey(
  { kind, ...header }: Pick<SurveyMessage, 'kind' | 'from' | 'type' | 'object'>,
  reader: ByteReader,
): SurveyMessage {
  const request = reader.u32();
  if (kind === 'uses-ask') return { kind, ...header, request };
  return { kind, ...header, request, ...readPart(reader), items: readList(reader, readUse) };
}

function readPart(reader: ByteReader): { part: number; parts: number } {
  const part = reader.u16();
  const parts = reader.u16();
  if (part >= parts) throw new RangeError('not a part');
  return { part, parts };
}

type LimitWindow = Pick<ReportItem, 'id' | 'rate' | 'window'>;

function writeWindow({ id, rate, window }: LimitWindow): void {
  writer.text(id);
  writeRate(rate);
  writer.f64(window);
}

function readWindow(reader: ByteReader): LimitWindow {
  return { id: readId(reader), rate: readRate(reader), window: readCount(reader) };
}

function writeItem(item: ReportItem): void {
  writeWindow(item);
  writer.incarnation(item.to);
  writer.f64(item.granted);
  writer.f64(item.released);
}

function readItem(reader: ByteReader): ReportItem {
  const limit = readWindow(reader);
  return { ...limit, to: reader.incarnation(), ...readGranted(reader) };
}

function writeLost({ node, forMs }: LostNode): void {
  writer.text(node);
  writer.f64(forMs);
}

function readLost(reader: ByteReader): LostNode {
  const node = reader.text();
  if (node.length > maxNameLength) throw new RangeError('not a name');
  return { node, forMs: readCount(reader) };
}

/** Nobody gives back more than it was given: as numbers of slots held they would be negative. */
function readGranted(reader: ByteReader): { granted: number; released: number } {
  const granted = readCount(reader);
  const released = readCount(reader);
  if (released > granted) throw new RangeError('more given back than granted');
  return { granted, released };
}

function writeUse({ id, rate, used }: ThrottleUse): void {
  writer.text(id);
  writeRate(rate);
  writer.f64(used);
}

function readUse(reader: ByteReader): ThrottleUse {
  return { id: readId(reader), rate: readRate(reader), used: readCount(reader) };
}

/** No burst is written as 0. */
function writeRate({ units, windowS, burst }: Rate): void {
  writer.f64(units);
  writer.u32(windowS);
  writer.f64(burst ?? 0);
}

function readRate(reader: ByteReader): Rate {
  const limit = { units: readCount(reader), windowS: reader.u32() };
  const burst = readCount(reader);
  const rate = burst === 0 ? limit : { ...limit, burst };
  if (!isRate(rate)) throw new RangeError('not a rate');
  return rate;
}

function readId(reader: ByteReader): string {
  const id = reader.text();
  if (id.length > maxIdLength) throw new RangeError('not an id');
  return id;
}
