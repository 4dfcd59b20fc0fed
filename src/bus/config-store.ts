/**
 * One configuration repository on JetStream (CONF-11.5): a stream with one message for each commit, and an object store with
 * what the commits name, by the hash of its content. Bytes only: what they mean is the caller's matter.
 *
 * Invariants: a commit is taken only behind the one that its author knew, which the stream itself checks; contents are
 * written before the commit that names them, and never again.
 */
import { createHash } from 'node:crypto';
import {
  type JetStreamClient,
  type JetStreamManager,
  type LastForMsgRequest,
  NatsError,
  type ObjectStore,
  type SeqMsgRequest,
} from 'nats';
import { FlotillaError } from '../core/errors.ts';
import { askedAgain, isApiError, unreachable } from './jetstream-error.ts';

export interface StoredCommit {
  /** Its place in the stream. */
  readonly sequence: number;
  readonly data: Uint8Array;
}

export interface ConfigStoreParts {
  readonly stream: string;
  readonly subject: string;
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly contents: ObjectStore;
  /** The stream behind it, and the subject of the pieces of one content in that. */
  readonly contentStream: string;
  readonly piecesOf: (content: string) => string;
  readonly timeoutMs: number;
}

const noMessage = 10037;
const wrongLastSequence = 10071;
/** Two that write one content at a time leave it unreadable for the moment between. */
const readAttempts = 2;

export class ConfigStore {
  readonly #parts: ConfigStoreParts;

  /** @internal Use `ConfigBus`. */
  constructor(parts: ConfigStoreParts) {
    this.#parts = parts;
  }

  /** The newest commit; undefined: there is none yet. */
  head(): Promise<StoredCommit | undefined> {
    return this.#message({ last_by_subj: this.#parts.subject });
  }

  commit(sequence: number): Promise<StoredCommit | undefined> {
    return this.#message({ seq: sequence });
  }

  /** Its place in the stream; undefined: the newest commit is not `behind`. Throws FLT-2315 when the answer is lost. */
  async append(data: Uint8Array, behind: number): Promise<number | undefined> {
    const { client, subject, stream, timeoutMs } = this.#parts;
    try {
      const expect = { lastSubjectSequence: behind, streamName: stream };
      return (await client.publish(subject, data, { expect, timeout: timeoutMs })).seq;
    } catch (error) {
      if (isApiError(error, wrongLastSequence)) return undefined;
      const isRefused = error instanceof NatsError && (error.api_error || error.code === '503');
      if (isRefused) throw unreachable(error);
      throw new FlotillaError('FLT-2315', (error as Error).message, error);
    }
  }

  /** Stores a content under its hash, unless it is there. */
  async put(hash: string, content: Uint8Array): Promise<void> {
    const { contents, timeoutMs } = this.#parts;
    try {
      await askedAgain(timeoutMs, async () => {
        const known = await contents.info(hash);
        if (!known || known.deleted) await contents.putBlob({ name: hash }, content);
      });
    } catch (error) {
      throw unreachable(error);
    }
  }

  /** Throws FLT-2311 when it is not there, or is something else. */
  async get(hash: string): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      try {
        const content = await this.#content(hash);
        if (content === undefined) throw new FlotillaError('FLT-2311', `content ${hash} is missing`);
        if (createHash('sha256').update(content).digest('hex') === hash) return content;
        throw new FlotillaError('FLT-2311', `content ${hash} is not what its name says`);
      } catch (error) {
        if (attempt >= readAttempts) throw unreachable(error);
      }
    }
  }

  /**
   * Piece by piece, from whoever leads the stream. The library's way is a consumer, which lives on one server: with one of
   * three down, servers give every third to that one, and it is silent until the time limit.
   */
  async #content(hash: string): Promise<Uint8Array | undefined> {
    const { contents, contentStream, piecesOf, timeoutMs } = this.#parts;
    const info = await askedAgain(timeoutMs, () => contents.info(hash));
    if (!info || info.deleted) return undefined;
    const pieces: Uint8Array[] = [];
    for (let sequence = 0; pieces.length < info.chunks; ) {
      const next = { seq: sequence + 1, next_by_subj: piecesOf(info.nuid) };
      const piece = await this.#message(next, contentStream);
      if (!piece) break;
      pieces.push(piece.data);
      sequence = piece.sequence;
    }
    return Buffer.concat(pieces);
  }

  async #message(
    query: LastForMsgRequest | SeqMsgRequest,
    stream = this.#parts.stream,
  ): Promise<StoredCommit | undefined> {
    const { manager, timeoutMs } = this.#parts;
    try {
      const { seq, data } = await askedAgain(timeoutMs, () => manager.streams.getMessage(stream, query));
      return { sequence: seq, data };
    } catch (error) {
      if (isApiError(error, noMessage)) return undefined;
      throw unreachable(error);
    }
  }
}
