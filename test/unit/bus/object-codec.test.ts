/** Bytes of messages about shared objects of all kinds. */
import { describe, expect, it } from 'vitest';
import { decodeObjectMessage, encodeObjectMessage } from '../../../src/bus/object-codec.ts';
import { sharedSenderOf } from '../../../src/bus/shared-header.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { type ReplicaType, replicaTypes } from '../../../src/core/settings.ts';
import { familyOf, type ObjectMessage } from '../../../src/core/shared-object.ts';

const from = 'ab'.repeat(16) as Incarnation;
const view = { epoch: 3, coordinator: from, nonce: 7 };

function messages(type: ReplicaType): ObjectMessage[] {
  const header = { object: 'spring', type, from };
  return [
    { kind: 'snapshot-request', ...header, session: 1 },
    { kind: 'cache-credit', ...header, session: 1, index: 2 },
    { kind: 'reported', ...header, view },
  ];
}

describe('messages about shared objects', () => {
  it.each(replicaTypes)('REP-3.12 of type %s: only what goes with the type is a message', (type) => {
    const family = ['rows', 'cache', 'quota'].indexOf(familyOf(type));
    const [rows, cache, quota] = messages(type).map(encodeAs);
    const decoded = [rows, cache, quota].map((bytes) => decodeObjectMessage(bytes!));
    expect(decoded).toEqual(messages(type).map((message, i) => (i === family ? message : undefined)));
    expect([rows, cache, quota].map((bytes) => sharedSenderOf(bytes!))).toEqual([from, from, from]);
  });

  it('REP-4.16 a family of a later version is none, whatever follows', () => {
    const bytes = encodeAs(messages('cache')[1]!);
    for (let kind = 0; kind < 256; kind++) {
      const changed = Uint8Array.from(bytes);
      changed[1] = kind;
      expect(decodeObjectMessage(changed)?.kind).toBe(kind === bytes[1] ? 'cache-credit' : undefined);
    }
    expect(decodeObjectMessage(Uint8Array.of(1))).toBeUndefined();
    expect(decodeObjectMessage(new Uint8Array(0))).toBeUndefined();
  });
});

/** Also where kind and type do not go together: written with a type that fits, then changed. */
function encodeAs(message: ObjectMessage): Uint8Array {
  const fitting = { 'snapshot-request': 'inbound_cidr', 'cache-credit': 'cache', reported: 'OBTM' } as const;
  const type = fitting[message.kind as keyof typeof fitting];
  const bytes = Uint8Array.from(encodeObjectMessage({ ...message, type } as ObjectMessage));
  bytes[18] = replicaTypes.indexOf(message.type);
  return bytes;
}
