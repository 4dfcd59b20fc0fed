/**
 * Bytes of messages between programs. Version and kind first, then the fields in the order below; what follows them is
 * ignored, so that a later version can add fields, and an unknown version is dropped (MSG-2).
 */
import type { Incarnation } from '../core/identity.ts';
import type { Item, JoinedGroup, OrderedItem, ProgramMessage } from '../core/multicast/messages.ts';
import { ByteReader, ByteWriter, readList, writeList } from './bytes.ts';
import { orderedMarks, unknownFormat, unknownOrdered } from './message-format.ts';
import { readCount, readViewId, writeViewId } from './view-id-codec.ts';

const formatVersion = 1;
const kinds = [
  'multicast',
  'private',
  'submit',
  'statsRequest',
  'statsAnswer',
] as const satisfies readonly ProgramMessage['kind'][];

const itemKinds = ['message', 'groups'] as const satisfies readonly Item['kind'][];

const writer = new ByteWriter();

export function encodeProgramMessage(message: ProgramMessage): Uint8Array {
  writer.u8(formatVersion);
  writer.u8(kinds.indexOf(message.kind));
  writer.incarnation(message.from);
  writeFields(message);
  return writer.take();
}

/** Undefined for anything that is not a whole message of this version. Never throws. */
export function decodeProgramMessage(bytes: Uint8Array): ProgramMessage | undefined {
  return attempt(() => {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== formatVersion) return undefined;
    const kind = kinds[reader.u8()];
    return kind && readFields(kind, reader.incarnation(), reader);
  });
}

export function unknownProgramFormat(bytes: Uint8Array): string | undefined {
  return unknownFormat(bytes, { version: formatVersion, knowsKind: (kind) => kind < kinds.length });
}

/** The sender of a message, also of one whose rest is malformed. */
export function programSenderOf(bytes: Uint8Array): Incarnation | undefined {
  return bytes.length < 18 ? undefined : new ByteReader(bytes.subarray(2)).incarnation();
}

export function encodeOrderedItem({ from, item }: OrderedItem): Uint8Array {
  writer.u8(orderedMarks.program);
  writer.u8(formatVersion);
  writer.incarnation(from);
  writeItem(item);
  return writer.take();
}

/** Undefined for an ordered message of another kind or version. Never throws. */
export function decodeOrderedItem(bytes: Uint8Array): OrderedItem | undefined {
  if (bytes[0] !== orderedMarks.program) return undefined;
  return attempt(() => {
    const reader = new ByteReader(bytes.subarray(1));
    if (reader.u8() !== formatVersion) return undefined;
    return { from: reader.incarnation(), item: readItem(reader) };
  });
}

export function unknownItemFormat(bytes: Uint8Array): string | undefined {
  return unknownOrdered(bytes, orderedMarks.program, formatVersion);
}

function writeFields(message: ProgramMessage): void {
  switch (message.kind) {
    case 'multicast':
      writer.f64(message.number);
      writer.text(message.group);
      writer.block(message.payload);
      return;
    case 'private':
      writer.f64(message.number);
      writer.block(message.payload);
      return;
    case 'submit':
      writeViewId(writer, message.view);
      writer.f64(message.first);
      writeList(writer, message.items, writeItem);
      return;
    case 'statsRequest':
      writer.u32(message.id);
      writer.text(message.what);
      return;
    case 'statsAnswer':
      writer.u32(message.id);
      writer.u8(message.payload ? 1 : 0);
      if (message.payload) writer.block(message.payload);
  }
}

function readFields(kind: ProgramMessage['kind'], from: Incarnation, reader: ByteReader): ProgramMessage {
  switch (kind) {
    case 'multicast':
      return { kind, from, number: readCount(reader), group: reader.text(), payload: reader.block() };
    case 'private':
      return { kind, from, number: readCount(reader), payload: reader.block() };
    case 'submit':
      return {
        kind,
        from,
        view: readViewId(reader),
        first: readCount(reader),
        items: readList(reader, readItem),
      };
    case 'statsRequest':
      return { kind, from, id: reader.u32(), what: reader.text() };
    case 'statsAnswer':
      return { kind, from, id: reader.u32(), payload: reader.u8() === 1 ? reader.block() : undefined };
  }
}

function writeItem(item: Item): void {
  writer.u8(itemKinds.indexOf(item.kind));
  if (item.kind === 'groups') {
    writeList(writer, item.groups, writeJoined);
    return;
  }
  writer.f64(item.id);
  writer.text(item.group);
  writer.block(item.payload);
}

function readItem(reader: ByteReader): Item {
  const kind = itemKinds[reader.u8()];
  if (kind === 'groups') return { kind, groups: readList(reader, readJoined) };
  if (kind === 'message')
    return { kind, id: readCount(reader), group: reader.text(), payload: reader.block() };
  throw new RangeError('not an item');
}

function writeJoined({ group, capabilities }: JoinedGroup): void {
  writer.text(group);
  writer.text(capabilities);
}

function readJoined(reader: ByteReader): JoinedGroup {
  return { group: reader.text(), capabilities: reader.text() };
}

function attempt<Message>(read: () => Message | undefined): Message | undefined {
  try {
    return read();
  } catch {
    // RangeError: the message ends too early. TypeError: text that is not UTF-8.
    return undefined;
  }
}
