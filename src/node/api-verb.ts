/** One verb of the API over NATS: its fields, what it does, and what the reference page says about it. */
import type { ApiAnswer, ApiFields } from '../bus/api-server.ts';
import { type Fields, readFields, type Values } from './api-fields.ts';
import type { HeldSlots } from './api-slots.ts';
import type { Caches } from './caches.ts';
import type { NodeApi } from './node-api.ts';
import type { Throttles } from './throttles.ts';

/** The parts of a node that the verbs speak to. */
export interface ApiHost {
  readonly node: Pick<
    NodeApi,
    | 'shared'
    | 'mayConnect'
    | 'openOutbound'
    | 'outboundOpened'
    | 'outboundClosed'
    | 'series'
    | 'audit'
    | 'gauges'
    | 'sessions'
  >;
  readonly throttles: Throttles;
  readonly caches: Caches;
  readonly slots: HeldSlots;
}

export interface Verb {
  readonly help: string;
  readonly fields: Fields;
  /** Fields of the answer beside `ok`. */
  readonly answer: string;
  run(host: ApiHost, sent: ApiFields, signal: AbortSignal): ApiAnswer | Promise<ApiAnswer>;
}

type Run<F extends Fields> = (
  host: ApiHost,
  values: Values<F>,
  signal: AbortSignal,
) => ApiAnswer | Promise<ApiAnswer>;

/** All fields are read before anything is done. */
export function verb<F extends Fields>(help: string, fields: F, answer: string, run: Run<F>): Verb {
  return {
    help,
    fields,
    answer,
    run: (host, sent, signal) => run(host, readFields(fields, sent), signal),
  };
}

export type Verbs = Readonly<Record<string, Verb>>;
