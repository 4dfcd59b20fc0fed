import { describe, expect, it } from 'vitest';
import {
  type Conversation,
  decodePeerMessage,
  encodePeerMessage,
  type Hello,
  isProof,
  mostFrameBytes,
  type PeerMessage,
  peerKey,
  proofOf,
} from '../../../../src/net/peers/handshake.ts';
import { fuzzPeerHandshake } from '../../../fuzz/peer-handshake.fuzz.ts';

const hello: Hello = { service: 'ECmmove2', source: 'relay-1', target: 'relay-2', job: 'ECMMOVE-00017' };
const said: Conversation = {
  greetingNonce: Buffer.alloc(32, 1),
  helloNonce: Buffer.alloc(32, 2),
  hello,
  binding: Buffer.alloc(0),
};
const key = peerKey('under test');

describe('the first bytes of a stream between nodes', () => {
  it('API-8 name service, source node and job id', () => {
    const message: PeerMessage = {
      kind: 'hello',
      nonce: said.helloNonce,
      ...hello,
      proof: proofOf(key, 'opener', said),
    };
    const frame = encodePeerMessage(message);
    expect(frame.readUInt16BE()).toBe(frame.length - 2);
    expect(frame.length).toBeLessThan(mostFrameBytes);
    expect(decodePeerMessage(frame.subarray(2))).toEqual(message);
  });

  it('API-8 a reason of any length and any characters arrives as one line', () => {
    const frame = encodePeerMessage({ kind: 'refused', reason: `nö\r\n${'x'.repeat(500)}` });
    const message = decodePeerMessage(frame.subarray(2));
    expect(message).toEqual({ kind: 'refused', reason: `n???${'x'.repeat(196)}` });
  });

  it('API-8 what is cut off, too long or of another kind is refused', () => {
    const greeting = encodePeerMessage({ kind: 'greeting', nonce: said.greetingNonce }).subarray(2);
    expect(decodePeerMessage(greeting)).toBeDefined();
    const cases = [
      Buffer.alloc(0),
      greeting.subarray(1),
      greeting.subarray(0, -1),
      Buffer.concat([greeting, Buffer.of(0)]),
      Buffer.of(9),
    ];
    for (const bytes of cases) expect(decodePeerMessage(bytes)).toBeUndefined();
  });

  it('MSG-2 a greeting of another version says which, whatever else it holds', () => {
    for (const more of [[], [1, 2, 3], new Array(500).fill(9)]) {
      const greeting = Buffer.of(1, 2, ...more);
      expect(decodePeerMessage(greeting)).toEqual({ kind: 'foreign-greeting', version: 2 });
    }
  });

  it('GOAL-R7 random and damaged messages: nothing is thrown, what is understood can be said again', () => {
    const { accepted } = fuzzPeerHandshake(20_000, 3);
    expect(accepted).toBeGreaterThan(1_000);
  });
});

describe('the proof of the secret', () => {
  it('BUS-18 holds for one conversation, one side and one secret', () => {
    const proof = proofOf(key, 'opener', said);
    expect(isProof(proof, key, 'opener', said)).toBe(true);
    expect(isProof(proof, key, 'listener', said)).toBe(false);
    expect(isProof(proof, peerKey('another'), 'opener', said)).toBe(false);
    const others: Conversation[] = [
      { ...said, greetingNonce: Buffer.alloc(32, 9) },
      { ...said, helloNonce: Buffer.alloc(32, 9) },
      { ...said, binding: Buffer.alloc(32) },
      ...(['service', 'source', 'target', 'job'] as const).map((field) => ({
        ...said,
        hello: { ...hello, [field]: 'x' },
      })),
      // The same letters, cut in another place.
      { ...said, hello: { ...hello, source: 'relay-1r', target: 'elay-2' } },
    ];
    for (const other of others) expect(isProof(proof, key, 'opener', other)).toBe(false);
  });
});
