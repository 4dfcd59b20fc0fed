/** The commands of a node, as one registry, and those of a manager. Modules of later parts register theirs beside these. */
import type { ManagerFacts, NodeFacts } from '../facts.ts';
import { type Command, Registry } from '../registry.ts';
import { authzCommands } from './authz.ts';
import { cacheCommands } from './caches.ts';
import { cidrCommands } from './cidr.ts';
import { clusterCommands, managerInfoCommand, membershipCommand } from './cluster.ts';
import { configCommands } from './config.ts';
import { dispatchCommands } from './dispatch.ts';
import { duravipCommands } from './duravip.ts';
import { generalCommands } from './general.ts';
import { inboundAuditCommands } from './inbound-audit.ts';
import { jobCommands, managerJobCommands } from './jobs.ts';
import { logCommands, pulledLogCommands } from './logs.ts';
import { moduleCommands } from './modules.ts';
import { reopenCommands } from './reopen-logs.ts';
import { sharedCommands } from './shared.ts';

export function nodeRegistry(facts: NodeFacts): Registry {
  const registry = new Registry();
  return filled(registry, [
    ...generalCommands(facts, registry),
    ...authzCommands,
    ...cacheCommands(facts),
    ...cidrCommands(facts),
    ...clusterCommands(facts, registry),
    ...configCommands(facts),
    ...duravipCommands(facts),
    ...inboundAuditCommands(facts),
    ...jobCommands(facts),
    ...logCommands(facts),
    ...moduleCommands(facts),
    ...reopenCommands(facts),
    ...sharedCommands(facts),
  ]);
}

/** What concerns nodes is typed to nodes: a manager has none of the `cluster` commands (CMD-21). */
export function managerRegistry(facts: ManagerFacts): Registry {
  const registry = new Registry();
  // Only what they are called, which takes no facts.
  const nodeCommands = nodeRegistry({} as NodeFacts).list();
  const words = nodeCommands.map((command) => command.words);
  return filled(registry, [
    ...generalCommands(facts, registry, words),
    ...authzCommands,
    ...cidrCommands(facts),
    ...reopenCommands(facts),
    ...configCommands(facts),
    ...dispatchCommands(facts),
    ...moduleCommands(facts),
    managerInfoCommand(facts),
    membershipCommand('show cluster membership', facts),
    ...managerJobCommands(facts),
    ...pulledLogCommands(facts.pulledLogs),
  ]);
}

function filled(registry: Registry, commands: readonly Command[]): Registry {
  for (const command of commands) registry.register(command);
  return registry;
}
