/** The commands of a node, as one registry. Modules of later parts register theirs beside these. */
import type { NodeFacts } from '../facts.ts';
import { Registry } from '../registry.ts';
import { cacheCommands } from './caches.ts';
import { cidrCommands } from './cidr.ts';
import { clusterCommands } from './cluster.ts';
import { configCommands } from './config.ts';
import { duravipCommands } from './duravip.ts';
import { generalCommands } from './general.ts';
import { inboundAuditCommands } from './inbound-audit.ts';
import { jobCommands } from './jobs.ts';
import { sharedCommands } from './shared.ts';

export function nodeRegistry(facts: NodeFacts): Registry {
  const registry = new Registry();
  const commands = [
    ...generalCommands(facts, registry),
    ...cacheCommands(facts),
    ...cidrCommands(facts),
    ...clusterCommands(facts, registry),
    ...configCommands(facts),
    ...duravipCommands(facts),
    ...inboundAuditCommands(facts),
    ...jobCommands(facts),
    ...sharedCommands(facts),
  ];
  for (const command of commands) registry.register(command);
  return registry;
}
