/**
 * Answers NATS micro-service discovery (`$SRV.PING|INFO|STATS`), so that `nats micro ls` and its like find the nodes.
 *
 * Implemented on the wire and not with the client library's service, whose endpoints join one queue group: of all
 * nodes a single one would answer. Here each node answers for itself.
 */
import { type GroupNames, isReserved, subjects } from './subjects.ts';
import type { Subscription, Wire } from './wire.ts';

export interface ServiceDescription {
  readonly name: string;
  /** Unlike that of any other instance. */
  readonly id: string;
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly EndpointDescription[];
  readonly startedMs: number;
}

export interface EndpointDescription {
  readonly name: string;
  readonly subject: string;
  /** Of this endpoint alone, where they are counted apart. */
  readonly statistics?: () => ServiceStatistics;
}

/** Of all endpoints together that have none of their own; times in milliseconds. */
export interface ServiceStatistics {
  readonly requests: number;
  readonly errors: number;
  readonly lastError: string;
  readonly processingMs: number;
}

const nanosecondsPerMs = 1_000_000;

export function serveDiscovery(
  wire: Wire,
  groups: GroupNames,
  service: ServiceDescription,
  statistics: () => ServiceStatistics,
): Subscription {
  const { name, id, version, metadata } = service;
  const identity = { name, id, version, metadata };
  const described = ({ name, subject }: EndpointDescription) => {
    return { name, subject, queue_group: '', metadata: {} };
  };
  const endpoints = service.endpoints.map(described);
  const answers = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...identity }),
    INFO: () => ({
      type: 'io.nats.micro.v1.info_response',
      ...identity,
      description: service.description,
      endpoints,
    }),
    STATS: () => ({
      type: 'io.nats.micro.v1.stats_response',
      ...identity,
      started: new Date(service.startedMs).toISOString(),
      endpoints: service.endpoints.map((endpoint) => ({
        ...described(endpoint),
        ...natsStatistics((endpoint.statistics ?? statistics)()),
      })),
    }),
  };
  const verbs = ['PING', 'INFO', 'STATS'] as const;
  const subscriptions = verbs.flatMap((verb) =>
    [[], [name], [name, id]].map((nameAndId) =>
      wire.subscribe(subjects.discovery(verb, ...nameAndId), ({ reply }) => {
        if (reply === '' || isReserved(reply, groups)) return;
        wire.publish(reply, new TextEncoder().encode(JSON.stringify(answers[verb]())));
      }),
    ),
  );
  return {
    unsubscribe: () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

function natsStatistics({ requests, errors, lastError, processingMs }: ServiceStatistics) {
  return {
    num_requests: requests,
    num_errors: errors,
    last_error: lastError,
    processing_time: Math.round(processingMs * nanosecondsPerMs),
    average_processing_time: Math.round((processingMs / Math.max(1, requests)) * nanosecondsPerMs),
  };
}
