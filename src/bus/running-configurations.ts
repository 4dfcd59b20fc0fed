/**
 * What the processes of a subcluster ran with when they last said so (CONF-11.1): beside its repository, a stream that keeps one
 * message for each of them. It is no history, and nobody pulls it: a commit for each process every few minutes would have the
 * whole fleet read its configuration again.
 */
import { type JetStreamClient, type JetStreamManager, NatsError, StorageType } from 'nats';
import { FlotillaError } from '../core/errors.ts';
import { askedAgain, isApiError, unreachable } from './jetstream-error.ts';

export interface RunningParts {
  readonly stream: string;
  /** Of all processes, and of one. */
  readonly subjects: string;
  readonly subjectOf: (node: string) => string;
  readonly replicas: number;
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly timeoutMs: number;
}

const noMessage = 10037;
const streamNotFound = 10059;
/** Nobody listens to what is published: there is no such stream. */
const noResponders = '503';

export class RunningConfigurations {
  readonly #parts: RunningParts;

  /** @internal Use `ConfigBus`. */
  constructor(parts: RunningParts) {
    this.#parts = parts;
  }

  /** Undefined: it never said so. */
  async last(node: string): Promise<Uint8Array | undefined> {
    const { manager, stream, subjectOf, timeoutMs } = this.#parts;
    const query = { last_by_subj: subjectOf(node) };
    try {
      return (await askedAgain(timeoutMs, () => manager.streams.getMessage(stream, query))).data;
    } catch (error) {
      if (isApiError(error, noMessage) || isApiError(error, streamNotFound)) return undefined;
      throw unreachable(error);
    }
  }

  /** False: it said the same before. */
  async save(node: string, text: Uint8Array): Promise<boolean> {
    const last = await this.last(node);
    if (last && Buffer.compare(last, text) === 0) return false;
    try {
      await this.#publish(node, text).catch(async (error) => {
        if ((error as NatsError).code !== noResponders) throw error;
        await this.create();
        await this.#publish(node, text);
      });
    } catch (error) {
      const isTooLarge = error instanceof NatsError && error.code === 'MAX_PAYLOAD_EXCEEDED';
      throw isTooLarge ? new FlotillaError('FLT-2313', `${text.length} bytes`, error) : unreachable(error);
    }
    return true;
  }

  /** Also when it is there. */
  async create(): Promise<void> {
    const { manager, stream, subjects, replicas, timeoutMs } = this.#parts;
    try {
      await askedAgain(timeoutMs, () =>
        manager.streams.add({
          name: stream,
          subjects: [subjects],
          storage: StorageType.File,
          num_replicas: replicas,
          max_msgs_per_subject: 1,
        }),
      );
    } catch (error) {
      throw unreachable(error);
    }
  }

  async #publish(node: string, text: Uint8Array): Promise<void> {
    const { client, subjectOf, timeoutMs } = this.#parts;
    await askedAgain(timeoutMs, () => client.publish(subjectOf(node), text));
  }
}
