/**
 * The commands of the Redis protocol that this node understands: a small part, what programs need that count, limit and
 * remember. Everything else is refused by name, so that nobody takes silence for success.
 */
import { connectionCommands } from './connection-commands.ts';
import { expiryCommands } from './expiry-commands.ts';
import { hashCommands } from './hash-commands.ts';
import { keyCommands } from './key-commands.ts';
import type { Reply } from './reply.ts';
import { scanCommands } from './scan-commands.ts';
import { scriptCommands } from './script-commands.ts';
import type { RespState, RespStore } from './store.ts';
import { throttleCommands } from './throttle-commands.ts';

export interface RespCommand {
  /** Words after the name, at least and at most. */
  readonly words: readonly [min: number, max: number];
  run(words: readonly Buffer[], store: RespStore, state: RespState): Reply | Promise<Reply>;
}

const commands: ReadonlyMap<string, RespCommand> = new Map(
  Object.entries({
    ...keyCommands,
    ...expiryCommands,
    ...hashCommands,
    ...scanCommands,
    ...throttleCommands,
    ...scriptCommands,
    ...connectionCommands,
  }),
);

export function findCommand(name: string): RespCommand | undefined {
  return commands.get(name);
}

/** Known to Redis, and to those who read the guide of this node as not served. */
export function unknownCommand(name: string): Reply {
  const shown = name.slice(0, 64);
  return { error: `ERR unknown command '${shown}': this is a Flotilla node, which has no '${shown}'` };
}
