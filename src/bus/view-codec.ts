/**
 * Bytes of view-agreement messages. Version and kind first, then the fields in the order below; what follows them is
 * ignored, so that a later version can add fields, and an unknown version is dropped (MSG-2).
 */
import type {
  Flush,
  HeardOther,
  NodeInfo,
  OrderedEntry,
  RowDigest,
  ViewMessage,
} from '../core/agreement/messages.ts';
import type { Incarnation, MemberType } from '../core/identity.ts';
import type { Process } from '../core/view.ts';
import { ByteReader, ByteWriter, readList, writeList } from './bytes.ts';
import { unknownFormat } from './message-format.ts';
import { readCount, readEpoch, readViewId, writeViewId } from './view-id-codec.ts';

export const viewFormatVersion = 1;

const kinds = [
  'beat',
  'propose',
  'ok',
  'nack',
  'commit',
  'ask',
  'ordered',
  'resend',
  'goodbye',
  'state',
  'solicit',
  'heartbeat',
] as const satisfies readonly ViewMessage['kind'][];
const memberTypes: readonly MemberType[] = ['Momentum', 'Manager', 'Other'];

const writer = new ByteWriter();

export function encodeViewMessage(message: ViewMessage): Uint8Array {
  writer.u8(viewFormatVersion);
  writer.u8(kinds.indexOf(message.kind));
  writeFields(message);
  return writer.take();
}

/** Undefined for anything that is not a whole message of this version. Never throws. */
export function decodeViewMessage(bytes: Uint8Array): ViewMessage | undefined {
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== viewFormatVersion) return undefined;
    const kind = kinds[reader.u8()];
    return kind && readFields(kind, reader);
  } catch {
    // RangeError: the message ends too early. TypeError: text that is not UTF-8.
    return undefined;
  }
}

export function unknownViewFormat(bytes: Uint8Array): string | undefined {
  return unknownFormat(bytes, { version: viewFormatVersion, knowsKind: (kind) => kind < kinds.length });
}

/** The sender of a message, also of one whose rest is malformed. Each kind begins with it. */
export function viewSenderOf(bytes: Uint8Array): Incarnation | undefined {
  return bytes.length < 18 ? undefined : new ByteReader(bytes.subarray(2)).incarnation();
}

function writeFields(message: ViewMessage): void {
  switch (message.kind) {
    case 'beat':
      writeProcess(message.from);
      writer.u32(message.count);
      writeViewId(writer, message.view);
      writer.u16(message.viewSize);
      writer.u32(message.viewHash);
      writer.raw(message.hears);
      writer.raw(message.mutual);
      writeList(writer, message.others, writeOther);
      writer.f64(message.epoch);
      writer.f64(message.applied);
      writeList(writer, message.digests, writeDigest);
      writer.u16(message.heard.length);
      writer.raw(message.heard);
      return;
    case 'propose':
      writer.incarnation(message.from);
      writeViewId(writer, message.ballot);
      writeList(writer, message.members, writeProcess);
      return;
    case 'ok':
      writer.incarnation(message.from);
      writeViewId(writer, message.ballot);
      writeViewId(writer, message.oldView);
      writer.f64(message.applied);
      writeList(writer, message.unstable, writeEntry);
      return;
    case 'nack':
      writer.incarnation(message.from);
      writeViewId(writer, message.ballot);
      writer.f64(message.epoch);
      return;
    case 'commit':
      writer.incarnation(message.from);
      writeViewId(writer, message.ballot);
      writeList(writer, message.members, writeProcess);
      writeList(writer, message.flush, writeFlush);
      return;
    case 'ask':
      writer.incarnation(message.from);
      writeViewId(writer, message.view);
      return;
    case 'ordered':
      writer.incarnation(message.from);
      writeViewId(writer, message.view);
      writeEntry(message.entry);
      return;
    case 'resend':
      writer.incarnation(message.from);
      writeViewId(writer, message.view);
      writer.f64(message.first);
      return;
    case 'goodbye':
    case 'solicit':
      writer.incarnation(message.from);
      return;
    case 'state':
      writer.incarnation(message.from);
      writeViewId(writer, message.view);
      writeInfo(message.info);
      return;
    case 'heartbeat':
      writer.incarnation(message.from);
      writeViewId(writer, message.view);
      writer.u8(message.leader ? 1 : 0);
      if (message.leader) writer.incarnation(message.leader);
      writer.f64(message.applied);
      writer.u32(message.table);
  }
}

function readFields(kind: ViewMessage['kind'], reader: ByteReader): ViewMessage {
  switch (kind) {
    case 'beat':
      return readBeat(reader);
    case 'propose':
      return {
        kind,
        from: reader.incarnation(),
        ballot: readViewId(reader),
        members: readList(reader, readProcess),
      };
    case 'ok':
      return {
        kind,
        from: reader.incarnation(),
        ballot: readViewId(reader),
        oldView: readViewId(reader),
        applied: readCount(reader),
        unstable: readList(reader, readEntry),
      };
    case 'nack':
      return { kind, from: reader.incarnation(), ballot: readViewId(reader), epoch: readEpoch(reader) };
    case 'commit':
      return {
        kind,
        from: reader.incarnation(),
        ballot: readViewId(reader),
        members: readList(reader, readProcess),
        flush: readList(reader, readFlush),
      };
    case 'ask':
      return { kind, from: reader.incarnation(), view: readViewId(reader) };
    case 'ordered':
      return { kind, from: reader.incarnation(), view: readViewId(reader), entry: readEntry(reader) };
    case 'resend':
      return { kind, from: reader.incarnation(), view: readViewId(reader), first: readCount(reader) };
    case 'goodbye':
    case 'solicit':
      return { kind, from: reader.incarnation() };
    case 'state':
      return { kind, from: reader.incarnation(), view: readViewId(reader), info: readInfo(reader) };
    case 'heartbeat':
      return {
        kind,
        from: reader.incarnation(),
        view: readViewId(reader),
        leader: reader.u8() === 1 ? reader.incarnation() : undefined,
        applied: readCount(reader),
        table: reader.u32(),
      };
  }
}

function readBeat(reader: ByteReader): ViewMessage {
  const from = readProcess(reader);
  const count = reader.u32();
  const view = readViewId(reader);
  const viewSize = reader.u16();
  const viewHash = reader.u32();
  const bitBytes = Math.ceil(viewSize / 8);
  return {
    kind: 'beat',
    from,
    count,
    view,
    viewSize,
    viewHash,
    hears: reader.raw(bitBytes),
    mutual: reader.raw(bitBytes),
    others: readList(reader, readOther),
    epoch: readEpoch(reader),
    applied: readCount(reader),
    digests: readList(reader, readDigest),
    heard: reader.raw(reader.u16()),
  };
}

function writeProcess(process: Process): void {
  writer.incarnation(process.incarnation);
  writer.u8(memberTypes.indexOf(process.type));
  writer.u32(process.number);
  writer.f64(process.seniority);
  writer.text(process.node);
}

function readProcess(reader: ByteReader): Process {
  const incarnation = reader.incarnation();
  const type = memberTypes[reader.u8()];
  const number = reader.u32();
  const seniority = reader.f64();
  if (type === undefined || !(seniority >= 0)) throw new RangeError('not a process');
  return { incarnation, type, number, seniority, node: reader.text() };
}

function writeOther(other: HeardOther): void {
  writer.incarnation(other.incarnation);
  writer.u8(other.mutual ? 1 : 0);
}

function readOther(reader: ByteReader): HeardOther {
  return { incarnation: reader.incarnation(), mutual: reader.u8() === 1 };
}

function writeDigest(digest: RowDigest): void {
  writer.u32(digest.object);
  writer.f64(digest.sequence);
  writer.u32(digest.high);
  writer.u32(digest.low);
}

function readDigest(reader: ByteReader): RowDigest {
  return { object: reader.u32(), sequence: readCount(reader), high: reader.u32(), low: reader.u32() };
}

function writeEntry(entry: OrderedEntry): void {
  writer.f64(entry.number);
  writer.block(entry.payload);
}

function readEntry(reader: ByteReader): OrderedEntry {
  return { number: readCount(reader), payload: reader.block() };
}

function writeFlush(flush: Flush): void {
  writeViewId(writer, flush.view);
  writer.f64(flush.upTo);
  writeList(writer, flush.survivors, (incarnation) => writer.incarnation(incarnation));
  writeList(writer, flush.entries, writeEntry);
}

function readFlush(reader: ByteReader): Flush {
  return {
    view: readViewId(reader),
    upTo: readCount(reader),
    survivors: readList(reader, (list) => list.incarnation()),
    entries: readList(reader, readEntry),
  };
}

function writeInfo(info: NodeInfo): void {
  writer.incarnation(info.incarnation);
  writer.u8(memberTypes.indexOf(info.type));
  writer.text(info.node);
  writer.text(info.subcluster);
  writer.text(info.version);
  writer.text(info.address);
  writer.u16(info.port);
  writeList(writer, info.groups, (group) => writer.text(group));
  writeList(writer, [...(info.mustAgree ?? [])], writePair);
  writeList(writer, info.throttles ?? [], (name) => writer.text(name));
}

function writePair([name, value]: readonly [string, string]): void {
  writer.text(name);
  writer.text(value);
}

function readInfo(reader: ByteReader): NodeInfo {
  const incarnation = reader.incarnation();
  const type = memberTypes[reader.u8()];
  if (type === undefined) throw new RangeError('not a member type');
  const info = {
    incarnation,
    type,
    node: reader.text(),
    subcluster: reader.text(),
    version: reader.text(),
    address: reader.text(),
    port: reader.u16(),
    groups: readList(reader, (list) => list.text()),
  };
  const pairs = readList(reader, (list) => [list.text(), list.text()] as const);
  const throttles = readList(reader, (list) => list.text());
  return {
    ...info,
    ...(pairs.length === 0 ? {} : { mustAgree: new Map(pairs) }),
    ...(throttles.length === 0 ? {} : { throttles }),
  };
}
