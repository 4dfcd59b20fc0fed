/**
 * Events for programs. Invariant: what a listener throws, or rejects with, is logged and goes no further: thrown into
 * the membership it would keep a view from everybody who is told after it, and a rejection would end the process.
 */
import { EventEmitter } from 'node:events';
import type { Log } from '../core/log.ts';

type EventMap<Events> = { [Name in keyof Events]: unknown[] };

export class GuardedEmitter<Events extends EventMap<Events>> extends EventEmitter<Events> {
  /** Calls all listeners, one after another. */
  protected tell<Name extends keyof Events & string>(log: Log, name: Name, ...news: Events[Name]): void {
    for (const listener of EventEmitter.prototype.rawListeners.call(this, name))
      callGuarded(log, `'${name}'`, () => listener(...news));
  }
}

/** `what` names the listener in the log. */
export function callGuarded(log: Log, what: string, call: () => unknown): void {
  const failed = (error: unknown) =>
    log.error(`a listener of the program to ${what} failed: ${String(error)}`, { error });
  try {
    Promise.resolve(call()).catch(failed);
  } catch (error) {
    failed(error);
  }
}
