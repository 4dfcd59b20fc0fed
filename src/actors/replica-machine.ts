/**
 * A shared object as a machine an operator can read. Regions: `rows` says whether the rows of all members are here,
 * `buffer` whether own changes wait to be sent, `work` whether something too long for one turn is being done.
 *
 * Deadlines are the replicator's; the machine asks for them whenever it enters a state, so a restarted actor goes on
 * where the failed one stopped.
 */
import { setup } from 'xstate';
import { upkeepPeriodMs } from '../core/replica/count-slot.ts';
import type { Standing } from '../core/replica/replicator.ts';

/** What the machine asks for; implemented by Replica with one call each. */
export interface ReplicaDuties {
  readonly flushDelayMs: number;
  readonly retryDelayMs: number;
  readonly changesWait: boolean;
  readonly hasWork: boolean;
  flushDue(): void;
  step(): void;
  tick(): void;
  startUpkeep(): void;
}

export type ReplicaEvent =
  | { readonly type: 'STANDALONE' }
  | { readonly type: 'SYNCHRONISING' }
  | { readonly type: 'LIVE' }
  | { readonly type: 'CHANGES' }
  | { readonly type: 'WORK' };

export const standingEvents = {
  alone: { type: 'STANDALONE' },
  partial: { type: 'SYNCHRONISING' },
  whole: { type: 'LIVE' },
} as const satisfies Record<Standing, ReplicaEvent>;

export const replicaMachine = setup({
  types: {
    input: {} as { readonly duties: ReplicaDuties },
    context: {} as { readonly duties: ReplicaDuties },
    events: {} as ReplicaEvent,
  },
  actions: {
    flushDue: ({ context }) => context.duties.flushDue(),
    step: ({ context }) => context.duties.step(),
    tick: ({ context }) => context.duties.tick(),
    startUpkeep: ({ context }) => context.duties.startUpkeep(),
  },
  guards: {
    changesWait: ({ context }) => context.duties.changesWait,
    hasWork: ({ context }) => context.duties.hasWork,
  },
  delays: {
    untilFlush: ({ context }) => context.duties.flushDelayMs,
    untilRetry: ({ context }) => context.duties.retryDelayMs,
    nextTurn: 0,
    upkeepPeriod: upkeepPeriodMs,
  },
}).createMachine({
  id: 'replica',
  context: ({ input }) => input,
  type: 'parallel',
  states: {
    rows: {
      initial: 'standalone',
      on: { STANDALONE: '.standalone', SYNCHRONISING: '.synchronising', LIVE: '.live' },
      states: {
        standalone: {},
        synchronising: { after: { untilRetry: { target: 'synchronising', reenter: true, actions: 'tick' } } },
        live: {},
      },
    },
    buffer: {
      initial: 'checking',
      states: {
        checking: { always: [{ guard: 'changesWait', target: 'waiting' }, { target: 'clean' }] },
        clean: { on: { CHANGES: 'waiting' } },
        waiting: { after: { untilFlush: { target: 'checking', actions: 'flushDue' } } },
      },
    },
    work: {
      initial: 'checking',
      states: {
        checking: { always: [{ guard: 'hasWork', target: 'working' }, { target: 'idle' }] },
        idle: { on: { WORK: 'working' } },
        working: { after: { nextTurn: { target: 'checking', actions: 'step' } } },
      },
    },
    upkeep: {
      initial: 'resting',
      states: {
        resting: { after: { upkeepPeriod: { target: 'resting', reenter: true, actions: 'startUpkeep' } } },
      },
    },
  },
});
