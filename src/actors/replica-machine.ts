/**
 * A shared object as a machine an operator can read. Regions: `standing` says whether what the others have is here,
 * `buffer` whether own changes wait to be sent, `work` whether something too long for one turn is being done; `upkeep`
 * drops what is no longer needed.
 *
 * Deadlines are the replicator's; the machine asks for them whenever it enters a state, so a restarted actor goes on
 * where the failed one stopped.
 */
import { setup } from 'xstate';
import type { Standing } from '../core/replica/replicator.ts';

/** What the machine asks for; implemented by RowReplica and CacheReplica with one call each. */
export interface ReplicaDuties {
  readonly standing: Standing;
  readonly flushDelayMs: number;
  readonly retryDelayMs: number;
  readonly upkeepPeriodMs: number;
  readonly changesWait: boolean;
  readonly hasWork: boolean;
  flushDue(): void;
  step(): void;
  tick(): void;
  startUpkeep(): void;
}

export type ReplicaEvent = { readonly type: 'STANDING' | 'CHANGES' | 'WORK' };

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
    isAlone: ({ context }) => context.duties.standing === 'alone',
    isPartial: ({ context }) => context.duties.standing === 'partial',
    changesWait: ({ context }) => context.duties.changesWait,
    hasWork: ({ context }) => context.duties.hasWork,
  },
  delays: {
    untilFlush: ({ context }) => context.duties.flushDelayMs,
    untilRetry: ({ context }) => context.duties.retryDelayMs,
    nextTurn: 0,
    upkeepPeriod: ({ context }) => context.duties.upkeepPeriodMs,
  },
}).createMachine({
  id: 'replica',
  context: ({ input }) => input,
  type: 'parallel',
  states: {
    standing: {
      initial: 'assessing',
      on: { STANDING: '.assessing' },
      states: {
        assessing: {
          always: [
            { guard: 'isAlone', target: 'standalone' },
            { guard: 'isPartial', target: 'synchronising' },
            { target: 'live' },
          ],
        },
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
