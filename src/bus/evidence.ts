/**
 * Closed evidence (BUS-21): the NATS servers report, to a login of their system account, each connection that ends.
 * A process whose connections both ended by its own doing is gone, milliseconds after a SIGKILL and long before its
 * silence would tell.
 *
 * One connection that ends proves nothing: a living process closes one that is stuck. Any reason but an end by the
 * client (`Stale Connection`, `Slow Consumer` ...) may hit a process that lives and holds its lease: that is silence.
 * Invariant: a process is reported only while the last word about each of its links is an end, and the last end was
 * its own doing.
 */
import type { Counters, EvidencePort } from '../actors/ports.ts';
import type { Incarnation, LinkName } from '../core/identity.ts';
import { linkNames } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import { parseConnectionName, subjects } from './subjects.ts';
import type { Wire } from './wire.ts';

export interface EvidenceOptions {
  /** A connection with a login of the system account. */
  readonly wire: Wire;
  readonly log: Log;
  readonly counters: Counters;
}

export interface Evidence extends EvidencePort {
  /** Ends the subscriptions; the wire stays open. */
  close(): void;
}

/** A killed process leaves either, by what its kernel sends for it. */
const ownDoing: ReadonlySet<unknown> = new Set(['Client Closed', 'Read Error']);
/** Processes with one ended link that are remembered; the oldest is forgotten first. */
const maxRemembered = 4_096;

export function watchEvidence({ wire, log, counters }: EvidenceOptions): Evidence {
  const ended = new Map<Incarnation, Set<LinkName>>();
  const listeners = new Set<(incarnation: Incarnation) => void>();

  const connected = (link: LinkName, incarnation: Incarnation) => {
    ended.get(incarnation)?.delete(link);
  };

  const disconnected = (link: LinkName, incarnation: Incarnation, reason: unknown) => {
    const links = ended.get(incarnation) ?? new Set();
    ended.delete(incarnation);
    ended.set(incarnation, links.add(link));
    if (ended.size > maxRemembered) ended.delete(ended.keys().next().value as Incarnation);
    if (!ownDoing.has(reason) || !linkNames.every((name) => links.has(name))) return;
    ended.delete(incarnation);
    counters.add('bus_closed_evidence');
    log.info('the NATS server reports that both connections of a process ended', { incarnation, reason });
    for (const listener of listeners) listener(incarnation);
  };

  const on = (pattern: string, handle: (link: LinkName, incarnation: Incarnation, reason: unknown) => void) =>
    wire.subscribe(pattern, ({ data }) => {
      const advisory = parseAdvisory(data);
      if (!advisory) return counters.add('bus_malformed_advisories');
      const process = parseConnectionName(advisory.clientName);
      if (process) handle(process.link, process.incarnation, advisory.reason);
    });

  const subscriptions = [on(subjects.allConnects(), connected), on(subjects.allDisconnects(), disconnected)];
  const stopWatching = wire.onState((state) => {
    // Who connected again meanwhile is not known, so old ends prove nothing any more.
    if (state !== 'up') ended.clear();
  });

  return {
    onClosed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      stopWatching();
    },
  };
}

/** Undefined when it is no advisory. Clients without a name are common and no error. */
function parseAdvisory(data: Uint8Array): { clientName: string; reason: unknown } | undefined {
  try {
    const { client, reason } = JSON.parse(new TextDecoder().decode(data));
    if (typeof client !== 'object' || client === null) return undefined;
    return { clientName: typeof client.name === 'string' ? client.name : '', reason };
  } catch {
    return undefined;
  }
}
