/**
 * A replicated cache as a machine an operator can read. Regions: `standing` says whether what the others had is here,
 * `buffer` whether own writes wait to be sent, `work` whether something too long for one turn is being done; `upkeep`
 * drops what has expired and gives up on silent partners.
 *
 * Deadlines are the replicator's, so a restarted actor goes on where the failed one stopped.
 */
import { setup } from 'xstate';
import type { Standing } from '../core/replica/replicator.ts';

/** What the machine asks for; implemented by CacheReplica with one call each. */
export interface CacheDuties {
  readonly standing: Standing;
  readonly flushDelayMs: number;
  readonly changesWait: boolean;
  readonly hasWork: boolean;
  flushDue(): void;
  step(): void;
  tick(): void;
}

export type CacheEvent = { readonly type: 'STANDING' | 'CHANGES' | 'WORK' };

export const cacheMachine = setup({
  types: {
    input: {} as { readonly duties: CacheDuties },
    context: {} as { readonly duties: CacheDuties },
    events: {} as CacheEvent,
  },
  actions: {
    flushDue: ({ context }) => context.duties.flushDue(),
    step: ({ context }) => context.duties.step(),
    tick: ({ context }) => context.duties.tick(),
  },
  guards: {
    isAlone: ({ context }) => context.duties.standing === 'alone',
    isPartial: ({ context }) => context.duties.standing === 'partial',
    changesWait: ({ context }) => context.duties.changesWait,
    hasWork: ({ context }) => context.duties.hasWork,
  },
  delays: {
    untilFlush: ({ context }) => context.duties.flushDelayMs,
    nextTurn: 0,
    upkeepPeriod: 1_000,
  },
}).createMachine({
  id: 'cache',
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
        synchronising: {},
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
        resting: { after: { upkeepPeriod: { target: 'resting', reenter: true, actions: 'tick' } } },
      },
    },
  },
});
