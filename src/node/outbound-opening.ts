/**
 * Opens outbound connections under caps of which some are strict: for these each connection holds a slot of the whole
 * cluster, so that the nodes together never pass the cap, not even for `max_delay` (replication 21.1).
 *
 * Invariant: a connection that is counted holds all its slots, one that is refused none.
 */
import type { OutboundDecision } from '../core/outbound-caps.ts';
import type { OutboundConnection, OutboundConnections } from '../core/outbound-connections.ts';
import type { Slot, Slots } from './throttles.ts';

/** Denied as by `mayConnect`; else the connection is counted until `close`. Closing it twice does nothing. */
export type OutboundOpening =
  | { readonly allowed: true; close(): void }
  | (OutboundDecision & { readonly allowed: false });

export interface OpeningPorts {
  /** Those of the present life of the node. */
  connections(): OutboundConnections;
  readonly slots: Pick<Slots, 'create' | 'take'>;
}

/** Rejects with FLT-1302 for what cannot be counted, and with what slots are refused with; nothing has changed then. */
export async function openOutbound(
  { connections, slots }: OpeningPorts,
  connection: OutboundConnection,
): Promise<OutboundOpening> {
  const attempt = { ...connection, ips: [connection.address] };
  const held: Slot[] = [];
  const letGo = () => {
    for (const slot of held.splice(0)) slot.giveBack();
  };
  const refused = <T>(refusal: T): T => {
    letGo();
    return refusal;
  };
  try {
    const early = connections().mayOpen(attempt);
    if (!early.allowed) return early;
    for (const { slot: name, count, partition, refusal } of connections().strictCaps(attempt)) {
      slots.create(name, count, { partition });
      const slot = await slots.take(name);
      if (!slot) return refused(refusal);
      held.push(slot);
    }
    // Others may have opened some while this one waited for its slots.
    const decision = connections().mayOpen(attempt);
    if (!decision.allowed) return refused(decision);
    connections().opened(connection);
  } catch (error) {
    letGo();
    throw error;
  }
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    connections().closed(connection);
    letGo();
  };
  return { allowed: true, close };
}
