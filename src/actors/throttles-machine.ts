/**
 * Shared throttles as a machine an operator can read. Regions: `accounts` says whether this node may grant, `calls`
 * whether somebody has to be served, asked again or forgotten at some moment.
 *
 * Deadlines are those of `SharedThrottles`; the machine asks for them whenever it enters a state, so a restarted actor
 * goes on where the failed one stopped.
 */
import { setup } from 'xstate';
import type { Standing } from '../core/replica/replicator.ts';

/** What the machine asks for; implemented by ThrottleReplica with one call each. */
export interface ThrottleDuties {
  readonly isWaiting: boolean;
  /** Read on the way into waiting. */
  readonly dueDelayMs: number;
  tick(): void;
}

export type ThrottleEvent =
  | { readonly type: 'STANDALONE' }
  | { readonly type: 'GATHERING' }
  | { readonly type: 'LIVE' }
  /** There is something to wait for, earlier than before. */
  | { readonly type: 'DUE' };

export const accountEvents = {
  alone: { type: 'STANDALONE' },
  partial: { type: 'GATHERING' },
  whole: { type: 'LIVE' },
} as const satisfies Record<Standing, ThrottleEvent>;

export const throttlesMachine = setup({
  types: {
    input: {} as { readonly duties: ThrottleDuties },
    context: {} as { readonly duties: ThrottleDuties },
    events: {} as ThrottleEvent,
  },
  actions: { tick: ({ context }) => context.duties.tick() },
  guards: { isWaiting: ({ context }) => context.duties.isWaiting },
  delays: { untilDue: ({ context }) => context.duties.dueDelayMs },
}).createMachine({
  id: 'throttles',
  context: ({ input }) => input,
  type: 'parallel',
  states: {
    accounts: {
      initial: 'standalone',
      on: { STANDALONE: '.standalone', GATHERING: '.gathering', LIVE: '.live' },
      states: { standalone: {}, gathering: {}, live: {} },
    },
    calls: {
      initial: 'checking',
      on: { DUE: '.checking' },
      states: {
        checking: { always: [{ guard: 'isWaiting', target: 'waiting' }, { target: 'idle' }] },
        idle: {},
        waiting: { after: { untilDue: { target: 'checking', actions: 'tick' } } },
      },
    },
  },
});
