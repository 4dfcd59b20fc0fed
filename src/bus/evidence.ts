/**
 * Closed evidence (BUS-21): the NATS servers report, to a login of their system account, each connection that ends.
 * A process whose connections both ended by its own doing is gone, milliseconds after a SIGKILL and long before its
 * silence would tell.
 *
 * One connection that ends proves nothing: a living process closes one that is stuck. Any reason but an end by the
 * client (`Stale Connection`, `Slow Consumer` ...) may hit a process that lives and holds its lease: that is silence.
 * Nor does the end of a connection that a newer one has replaced: servers tell connects and ends in no certain order, so
 * it may come after the newer one's connect.
 * Invariant: a process is reported only while the newest connection known of each of its links has ended, and the last
 * of these ends was its own doing.
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
/** Processes that are remembered; the one longest without a word is forgotten first. */
const maxRemembered = 4_096;

/** What is known of one link of a process. */
interface Link {
  /** The newest connection that was seen to connect, if any was. */
  readonly connectionId: string | undefined;
  readonly ended: boolean;
}

/** What a server told about a connection of ours. */
interface Word {
  readonly link: LinkName;
  readonly incarnation: Incarnation;
  /** The server and its number for the connection. */
  readonly connectionId: string;
  readonly reason: unknown;
}

export function watchEvidence({ wire, log, counters }: EvidenceOptions): Evidence {
  const processes = new Map<Incarnation, Map<LinkName, Link>>();
  const listeners = new Set<(incarnation: Incarnation) => void>();

  const remember = ({ link, incarnation }: Word, now: Link) => {
    const links = processes.get(incarnation) ?? new Map<LinkName, Link>();
    links.set(link, now);
    processes.delete(incarnation);
    processes.set(incarnation, links);
    if (processes.size > maxRemembered) processes.delete(processes.keys().next().value as Incarnation);
    return links;
  };

  const connected = (word: Word) => void remember(word, { connectionId: word.connectionId, ended: false });

  const disconnected = (word: Word) => {
    const { link, incarnation, reason } = word;
    const newest = processes.get(incarnation)?.get(link)?.connectionId;
    if (newest !== undefined && newest !== word.connectionId) return;
    const links = remember(word, { connectionId: newest, ended: true });
    if (!ownDoing.has(reason) || !linkNames.every((name) => links.get(name)?.ended)) return;
    processes.delete(incarnation);
    counters.add('bus_closed_evidence');
    log.info('the NATS server reports that both connections of a process ended', { incarnation, reason });
    for (const listener of listeners) listener(incarnation);
  };

  const on = (pattern: string, handle: (word: Word) => void) =>
    wire.subscribe(pattern, ({ data }) => {
      const advisory = parseAdvisory(data);
      if (!advisory) return counters.add('bus_malformed_advisories');
      const process = parseConnectionName(advisory.clientName);
      if (process) handle({ ...process, ...advisory });
    });

  const subscriptions = [on(subjects.allConnects(), connected), on(subjects.allDisconnects(), disconnected)];
  const stopWatching = wire.onState((state) => {
    // Who connected again meanwhile is not known, so what was known proves nothing any more.
    if (state !== 'up') processes.clear();
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

interface Advisory {
  readonly clientName: string;
  readonly connectionId: string;
  readonly reason: unknown;
}

/** Undefined when it is no advisory. Clients without a name are common and no error. */
function parseAdvisory(data: Uint8Array): Advisory | undefined {
  try {
    const { server, client, reason } = JSON.parse(new TextDecoder().decode(data));
    if (typeof server?.id !== 'string' || typeof client?.id !== 'number') return undefined;
    const clientName = typeof client.name === 'string' ? client.name : '';
    return { clientName, connectionId: `${server.id} ${client.id}`, reason };
  } catch {
    return undefined;
  }
}
