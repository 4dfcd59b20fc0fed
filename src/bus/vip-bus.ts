/** Messages about floating addresses on connection `m`, and the bytes of decisions, which travel as ordered messages. */
import type { VipChannel } from '../actors/ports.ts';
import type { Decision, VipMessage } from '../core/duravip/messages.ts';
import type { Incarnation } from '../core/identity.ts';
import { Channel, type ChannelOptions } from './channel.ts';
import { subjects } from './subjects.ts';
import {
  decodeDecision,
  decodeVipMessage,
  encodeDecision,
  encodeVipMessage,
  unknownDecisionFormat,
  unknownVipFormat,
  vipSenderOf,
} from './vip-codec.ts';
import type { Wire } from './wire.ts';

export class VipBus implements VipChannel {
  readonly #channel: Channel<VipMessage>;

  constructor(wire: Wire, options: ChannelOptions) {
    const { groups, self } = options;
    this.#channel = new Channel(wire, options, {
      patterns: [subjects.allVips(groups), subjects.privateVips(groups, self)],
      subjectOf: ({ kind }) => subjects.vips(groups, kind),
      privateSubject: (to) => subjects.privateVips(groups, to),
      encode: encodeVipMessage,
      decode: decodeVipMessage,
      senderOf: vipSenderOf,
      unknownFormat: unknownVipFormat,
      // 10,240 addresses announced are 1 MB, from each of 64 nodes.
      maxBytes: 64 * 1_048_576,
      countMalformed: () => options.counters.add('vip_malformed_messages_total'),
    });
  }

  encode(decision: Decision): Uint8Array {
    return encodeDecision(decision);
  }

  decode(bytes: Uint8Array): Decision | undefined {
    const unknown = unknownDecisionFormat(bytes);
    if (unknown !== undefined) this.#channel.complainOfFormat('decision about addresses', unknown);
    return decodeDecision(bytes);
  }

  broadcast(message: VipMessage): boolean {
    return this.#channel.broadcast(message);
  }

  send(to: Incarnation, message: VipMessage): boolean {
    return this.#channel.send(to, message);
  }

  onMessage(listener: (message: VipMessage) => void): void {
    this.#channel.onMessage(listener);
  }

  close(): void {
    this.#channel.close();
  }
}
