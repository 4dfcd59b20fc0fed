/**
 * Who owns which address, as a machine an operator can read: `down` without a bus, `gathering` the claims of a new view,
 * `following` the leader's decisions, or `leading` (OWN-1).
 */
import { setup } from 'xstate';

/** What the machine asks for; implemented by Ownership with one call each. */
export interface OwnershipDuties {
  readonly solicitMs: number;
  /** Until the leader has something to decide; looked at anew after each look. */
  readonly untilSweepMs: number;
  readonly leads: boolean;
  /** Claims of the view are missing. */
  readonly isGathering: boolean;
  solicit(): void;
  sweep(): void;
}

export type OwnershipEvent =
  | { readonly type: 'DOWN' }
  | { readonly type: 'UP' }
  /** A view is agreed. */
  | { readonly type: 'VIEW' }
  /** The claims of all its members are here and merged. */
  | { readonly type: 'COMPLETE' }
  /** Something changed that the leader should look at now. */
  | { readonly type: 'LOOK' };

export const ownershipMachine = setup({
  types: {
    input: {} as { readonly duties: OwnershipDuties },
    context: {} as { readonly duties: OwnershipDuties },
    events: {} as OwnershipEvent,
  },
  actions: {
    solicit: ({ context }) => context.duties.solicit(),
    sweep: ({ context }) => context.duties.sweep(),
  },
  guards: {
    leads: ({ context }) => context.duties.leads,
    isGathering: ({ context }) => context.duties.isGathering,
  },
  delays: {
    solicitInterval: ({ context }) => context.duties.solicitMs,
    untilSweep: ({ context }) => context.duties.untilSweepMs,
  },
}).createMachine({
  id: 'ownership',
  context: ({ input }) => input,
  initial: 'down',
  on: { DOWN: '.down', VIEW: '.gathering' },
  states: {
    down: {
      on: {
        // Back before anybody took this node for lost: the view goes on (LIFE-19).
        UP: [
          { guard: 'isGathering', target: 'gathering' },
          { guard: 'leads', target: 'leading' },
          { target: 'following' },
        ],
      },
    },
    gathering: {
      after: { solicitInterval: { target: 'gathering', reenter: true, actions: 'solicit' } },
      on: { COMPLETE: [{ guard: 'leads', target: 'leading' }, { target: 'following' }] },
    },
    following: {},
    leading: {
      entry: 'sweep',
      after: { untilSweep: { target: 'leading', reenter: true } },
      on: { LOOK: { target: 'leading', reenter: true } },
    },
  },
});
