/** The cluster group on connection `m`: messages of view agreement. Tells of own beats that come back (LIFE-18). */
import type { ViewChannel } from '../actors/ports.ts';
import type { ViewMessage } from '../core/agreement/messages.ts';
import type { Incarnation } from '../core/identity.ts';
import { Channel, type ChannelOptions } from './channel.ts';
import { subjects } from './subjects.ts';
import { decodeViewMessage, encodeViewMessage, unknownViewFormat, viewSenderOf } from './view-codec.ts';
import type { Wire } from './wire.ts';

export interface GroupOptions extends ChannelOptions {
  /** The simulator decodes a broadcast once for all its receivers. */
  readonly decode?: (bytes: Uint8Array) => ViewMessage | undefined;
}

export class ClusterGroup implements ViewChannel {
  readonly #channel: Channel<ViewMessage>;

  constructor(wire: Wire, options: GroupOptions) {
    const { groups, self, decode = decodeViewMessage } = options;
    this.#channel = new Channel(wire, options, {
      patterns: [subjects.allViews(groups), subjects.privateViews(groups, self)],
      subjectOf: ({ kind }) => subjects.views(groups, kind),
      privateSubject: (to) => subjects.privateViews(groups, to),
      encode: encodeViewMessage,
      decode,
      senderOf: viewSenderOf,
      unknownFormat: unknownViewFormat,
      maxBytes: 16 * 1_048_576,
      countMalformed: () => options.counters.add('bus_malformed_messages_total'),
    });
  }

  broadcast(message: ViewMessage): boolean {
    return this.#channel.broadcast(message);
  }

  send(to: Incarnation, message: ViewMessage): boolean {
    return this.#channel.send(to, message);
  }

  onMessage(listener: (message: ViewMessage) => void): void {
    this.#channel.onMessage(listener);
  }

  onEcho(listener: (count: number) => void): void {
    this.#channel.onOwn = (bytes) => {
      const message = decodeViewMessage(bytes);
      if (message?.kind === 'beat') listener(message.count);
    };
  }

  close(): void {
    this.#channel.close();
  }
}
