/**
 * Bytes of messages about floating addresses. Version and kind first, then the fields in the order below; what follows
 * them is ignored, so that a later version can add fields, and an unknown version is dropped (MSG-2).
 */
import { formatAddress, parseAddress } from '../core/address.ts';
import type { Decision, LostHolder, VipMessage } from '../core/duravip/messages.ts';
import type { Assignment, AssignmentReason, Ip, VipAnnouncement } from '../core/duravip/vip.ts';
import type { Incarnation } from '../core/identity.ts';
import { ByteReader, ByteWriter, readList, writeList } from './bytes.ts';
import { orderedMarks, unknownFormat, unknownOrdered } from './message-format.ts';
import { readCount, readViewId, writeViewId } from './view-id-codec.ts';

const formatVersion = 1;
const kinds = [
  'claims',
  'announcement',
  'solicit',
  'released',
  'hosts',
  'request',
] as const satisfies readonly VipMessage['kind'][];
const verbs = ['mature', 'balance', 'move', 'unhold'] as const satisfies readonly Decision['verb'][];
const evidences = ['silent', 'closed', 'goodbye'] as const satisfies readonly LostHolder['evidence'][];
const reasons = [
  'elected',
  'preferred',
  'balanced',
  'moved',
  'orphan',
  'merge',
  'drained',
  'failed',
  'broken',
  'config',
  'reset',
] as const satisfies readonly AssignmentReason[];

const writer = new ByteWriter();

export function encodeVipMessage(message: VipMessage): Uint8Array {
  writer.u8(formatVersion);
  writer.u8(kinds.indexOf(message.kind));
  writer.incarnation(message.from);
  writeFields(message);
  return writer.take();
}

/** Undefined for anything that is not a whole message of this version. Never throws. */
export function decodeVipMessage(bytes: Uint8Array): VipMessage | undefined {
  return attempt(() => {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== formatVersion) return undefined;
    const kind = kinds[reader.u8()];
    return kind && readFields(kind, reader.incarnation(), reader);
  });
}

export function unknownVipFormat(bytes: Uint8Array): string | undefined {
  return unknownFormat(bytes, { version: formatVersion, knowsKind: (kind) => kind < kinds.length });
}

export function unknownDecisionFormat(bytes: Uint8Array): string | undefined {
  return unknownOrdered(bytes, orderedMarks.decision, formatVersion);
}

/** The sender of a message, also of one whose rest is malformed. */
export function vipSenderOf(bytes: Uint8Array): Incarnation | undefined {
  return bytes.length < 18 ? undefined : new ByteReader(bytes.subarray(2)).incarnation();
}

export function encodeDecision(decision: Decision): Uint8Array {
  writer.u8(orderedMarks.decision);
  writer.u8(formatVersion);
  writer.u8(verbs.indexOf(decision.verb));
  writer.f64(decision.sequence);
  writeIps(decision.matured);
  writeList(writer, decision.assignments, writeAssignment);
  return writer.take();
}

export function decodeDecision(bytes: Uint8Array): Decision | undefined {
  return attempt(() => {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== orderedMarks.decision || reader.u8() !== formatVersion) return undefined;
    const verb = verbs[reader.u8()];
    if (!verb) return undefined;
    return {
      verb,
      sequence: readCount(reader),
      matured: readIps(reader),
      assignments: readList(reader, readAssignment),
    };
  });
}

function writeFields(message: VipMessage): void {
  switch (message.kind) {
    case 'claims':
      writeViewId(writer, message.view);
      writer.f64(message.announced);
      writeIps(message.claims);
      writeIps(message.stuck);
      writeList(writer, message.holds, ({ ip, owner }) => {
        writeIp(ip);
        writer.incarnation(owner);
      });
      writer.u32(message.leaseMs);
      writeList(writer, message.lost, writeLost);
      if (message.leaving) writeIps(message.leaving);
      return;
    case 'announcement':
      writer.f64(message.sequence);
      writeList(writer, message.vips, writeVip);
      writer.u32(message.revision ?? 0);
      return;
    case 'solicit':
      writer.u8(message.want === 'claims' ? 0 : 1);
      return;
    case 'released':
      writeViewId(writer, message.upTo.view);
      writer.f64(message.upTo.applied);
      writeIps(message.ips);
      return;
    case 'hosts':
      writeList(writer, message.hosts, ({ ip, mac, ageMs }) => {
        writeIp(ip);
        writer.text(mac);
        writer.u32(Math.min(ageMs, 0xffff_ffff));
      });
      return;
    case 'request':
      writer.text(message.id);
      writer.u8(message.verb === 'move' ? 0 : 1);
      writeIps(message.ips);
      writeOwner(message.to);
  }
}

function readFields(kind: VipMessage['kind'], from: Incarnation, reader: ByteReader): VipMessage {
  switch (kind) {
    case 'claims':
      return {
        kind,
        from,
        view: readViewId(reader),
        announced: readCount(reader),
        claims: readIps(reader),
        stuck: readIps(reader),
        holds: readList(reader, (list) => ({ ip: readIp(list), owner: list.incarnation() })),
        leaseMs: reader.u32(),
        lost: readList(reader, readLost),
        // The first release says nothing of it.
        ...(reader.remaining > 0 && { leaving: readIps(reader) }),
      };
    case 'announcement':
      return {
        kind,
        from,
        sequence: readCount(reader),
        vips: readList(reader, readVip),
        revision: reader.u32(),
      };
    case 'solicit':
      return { kind, from, want: reader.u8() === 0 ? 'claims' : 'announcement' };
    case 'released':
      return {
        kind,
        from,
        upTo: { view: readViewId(reader), applied: readCount(reader) },
        ips: readIps(reader),
      };
    case 'hosts':
      return { kind, from, hosts: readList(reader, readHost) };
    case 'request':
      return {
        kind,
        from,
        id: reader.text(),
        verb: reader.u8() === 0 ? 'move' : 'unhold',
        ips: readIps(reader),
        to: readOwner(reader),
      };
  }
}

function writeLost({ member, evidence, silentMs, leaseMs, holds }: LostHolder): void {
  writer.incarnation(member);
  writer.u8(evidences.indexOf(evidence));
  writer.u32(silentMs);
  writer.u32(leaseMs);
  writeIps(holds);
}

function readLost(reader: ByteReader): LostHolder {
  const member = reader.incarnation();
  const evidence = evidences[reader.u8()];
  if (!evidence) throw new RangeError('not evidence');
  return { member, evidence, silentMs: reader.u32(), leaseMs: reader.u32(), holds: readIps(reader) };
}

function writeVip(vip: VipAnnouncement): void {
  writeIp(vip.ip);
  writeList(writer, vip.names, (name) => writer.text(name));
  writeList(writer, vip.services, ({ kind, endpoint }) => {
    writer.text(kind);
    writer.text(endpoint);
  });
  writeList(writer, vip.preference, (node) => writer.text(node));
  writeIps(vip.followers);
  writer.u8((vip.capable ? 1 : 0) | (vip.draining ? 2 : 0));
}

function readVip(reader: ByteReader): VipAnnouncement {
  const vip = {
    ip: readIp(reader),
    names: readList(reader, (list) => list.text()),
    services: readList(reader, (list) => ({ kind: list.text(), endpoint: list.text() })),
    preference: readList(reader, (list) => list.text()),
    followers: readIps(reader),
  };
  const flags = reader.u8();
  return { ...vip, capable: (flags & 1) !== 0, draining: (flags & 2) !== 0 };
}

function readHost(reader: ByteReader): { ip: Ip; mac: string; ageMs: number } {
  return { ip: readIp(reader), mac: reader.text(), ageMs: reader.u32() };
}

function writeAssignment({ ip, owner, reason }: Assignment): void {
  writeIp(ip);
  writeOwner(owner);
  writer.u8(reasons.indexOf(reason));
}

function readAssignment(reader: ByteReader): Assignment {
  const ip = readIp(reader);
  const owner = readOwner(reader);
  const reason = reasons[reader.u8()];
  if (!reason) throw new RangeError('not a reason');
  return { ip, owner, reason };
}

function writeOwner(owner: Incarnation | undefined): void {
  writer.u8(owner ? 1 : 0);
  if (owner) writer.incarnation(owner);
}

function readOwner(reader: ByteReader): Incarnation | undefined {
  return reader.u8() === 1 ? reader.incarnation() : undefined;
}

function writeIps(ips: readonly Ip[]): void {
  writeList(writer, ips, writeIp);
}

function readIps(reader: ByteReader): Ip[] {
  return readList(reader, readIp);
}

function writeIp(ip: Ip): void {
  writer.text(ip);
}

/** Only canonical text: two spellings of one address would be two addresses everywhere else. */
function readIp(reader: ByteReader): Ip {
  const text = reader.text();
  const address = parseAddress(text);
  if (address === undefined || formatAddress(address) !== text) throw new RangeError('not an address');
  return text;
}

function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    // RangeError: ends too early, or a value out of range. TypeError: text that is not UTF-8.
    return undefined;
  }
}
