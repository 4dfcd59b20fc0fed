/**
 * Messages between programs, on connection `s`: whatever a program sends, it cannot delay a beat (ID-17). Own messages
 * are delivered too (BUS-7), when they come back, so that a sender hears itself in the order in which others hear it.
 */
import type { ProgramChannel } from '../actors/ports.ts';
import type { Incarnation } from '../core/identity.ts';
import type { OrderedItem, ProgramMessage } from '../core/multicast/messages.ts';
import { Channel, type ChannelOptions } from './channel.ts';
import {
  decodeOrderedItem,
  decodeProgramMessage,
  encodeOrderedItem,
  encodeProgramMessage,
  programSenderOf,
  unknownItemFormat,
  unknownProgramFormat,
} from './program-codec.ts';
import { subjects } from './subjects.ts';
import type { Wire } from './wire.ts';

export class ProgramBus implements ProgramChannel {
  readonly #channel: Channel<ProgramMessage>;

  constructor(wire: Wire, options: ChannelOptions) {
    const { groups, self } = options;
    this.#channel = new Channel(wire, options, {
      patterns: [subjects.allPrograms(groups), subjects.privatePrograms(groups, self)],
      subjectOf: ({ kind }) => subjects.programs(groups, kind),
      privateSubject: (to) => subjects.privatePrograms(groups, to),
      encode: encodeProgramMessage,
      decode: decodeProgramMessage,
      senderOf: programSenderOf,
      unknownFormat: unknownProgramFormat,
      // Several messages of a megabyte may arrive in fragments at once.
      maxBytes: 16 * 1_048_576,
      countMalformed: () => options.counters.add('program_malformed_messages_total'),
    });
  }

  encode(item: OrderedItem): Uint8Array {
    return encodeOrderedItem(item);
  }

  decode(bytes: Uint8Array): OrderedItem | undefined {
    const unknown = unknownItemFormat(bytes);
    if (unknown !== undefined) this.#channel.complainOfFormat('ordered message', unknown);
    return decodeOrderedItem(bytes);
  }

  broadcast(message: ProgramMessage): boolean {
    return this.#channel.broadcast(message);
  }

  send(to: Incarnation, message: ProgramMessage): boolean {
    return this.#channel.send(to, message);
  }

  onMessage(listener: (message: ProgramMessage) => void): void {
    this.#channel.onMessage(listener);
    this.#channel.onOwn = (bytes) => {
      const message = decodeProgramMessage(bytes);
      if (message) listener(message);
    };
  }

  close(): void {
    this.#channel.close();
  }
}
