/**
 * One floating address on this node, as a machine an operator can read. What is wanted (`wanted`) comes from the table
 * all nodes share and may change at any time; what is done here is one step after another.
 *
 * Invariant: acquiring and releasing never overlap (NET-10). A decision that arrives in the middle is looked at when the
 * step is over.
 */
import { setup } from 'xstate';

/** What the machine asks for; implemented by Duravip with one call each. */
export interface DuravipDuties {
  /** The table gives the address to this node. */
  readonly wanted: boolean;
  /** It is on, or may be: an actor before this one died with it. */
  readonly mustRelease: boolean;
  /** It is still the decision under which acquiring began. */
  readonly current: boolean;
  /** Since it was put on something took it off. */
  readonly hasVanished: boolean;
  /** What is left of the wait for the owner before (OWN-34, LIFE-18); 0: nobody to wait for. */
  readonly waitMs: number;
  /** What the table gives to this node is known to be true for the whole component. */
  readonly mayBegin: boolean;
  readonly retryMs: number;
  readonly coolDownMs: number;
  /** How long an address may be missing before it is put on again (NET-16). */
  readonly patienceMs: number;
  acquire(): void;
  release(): void;
  /** The address is neither on here nor about to be, unless it is wanted again already. */
  reportFree(): void;
  reportFailed(): void;
  reportCapable(): void;
  reportStuck(): void;
}

export type DuravipEvent =
  /** The table changed for this address, or its owner before has let go. */
  | { readonly type: 'DECIDED' }
  /** It goes elsewhere on this node (DVC-17). */
  | { readonly type: 'CHANGED' }
  | { readonly type: 'ACQUIRED' }
  | { readonly type: 'REFUSED' }
  | { readonly type: 'RELEASED' }
  | { readonly type: 'STUCK' }
  /** Owned here, and not on the interface any more (NET-15). */
  | { readonly type: 'MISSING' };

export const duravipMachine = setup({
  types: {
    input: {} as { readonly duties: DuravipDuties },
    context: {} as { readonly duties: DuravipDuties },
    events: {} as DuravipEvent,
  },
  actions: {
    acquire: ({ context }) => context.duties.acquire(),
    release: ({ context }) => context.duties.release(),
    reportFree: ({ context }) => context.duties.reportFree(),
    reportFailed: ({ context }) => context.duties.reportFailed(),
    reportCapable: ({ context }) => context.duties.reportCapable(),
    reportStuck: ({ context }) => context.duties.reportStuck(),
  },
  guards: {
    wanted: ({ context }) => context.duties.wanted,
    current: ({ context }) => context.duties.current,
    /** Something took it off again before its services were up. */
    vanished: ({ context }) => context.duties.current && context.duties.hasVanished,
    unwanted: ({ context }) => !context.duties.wanted,
    mustRelease: ({ context }) => context.duties.mustRelease,
    leftOver: ({ context }) => !context.duties.wanted && context.duties.mustRelease,
    mayBegin: ({ context }) => context.duties.mayBegin,
    mustWait: ({ context: { duties } }) => duties.wanted && (duties.waitMs > 0 || !duties.mayBegin),
  },
  delays: {
    untilFree: ({ context }) => context.duties.waitMs,
    retry: ({ context }) => context.duties.retryMs,
    coolDown: ({ context }) => context.duties.coolDownMs,
    patience: ({ context }) => context.duties.patienceMs,
  },
}).createMachine({
  id: 'duravip',
  context: ({ input }) => input,
  initial: 'starting',
  states: {
    // An actor that died has its address released before anything else (design: supervision).
    starting: {
      always: [{ guard: 'mustRelease', target: 'releasing' }, { target: 'elsewhere' }],
    },
    elsewhere: {
      entry: 'reportFree',
      always: [
        { guard: 'mustWait', target: 'waiting' },
        { guard: 'wanted', target: 'acquiring' },
      ],
      on: {
        // Not by entering anew, which takes two steps: a thousand addresses are decided in one turn.
        DECIDED: [
          { guard: 'mustWait', target: 'waiting' },
          { guard: 'wanted', target: 'acquiring' },
          { actions: 'reportFree' },
        ],
      },
    },
    waiting: {
      // If not, whatever makes it true says so.
      after: { untilFree: { guard: 'mayBegin', target: 'acquiring' } },
      on: {
        DECIDED: [
          { guard: 'unwanted', target: 'elsewhere' },
          { guard: 'mustWait', target: 'waiting', reenter: true },
          { target: 'acquiring' },
        ],
      },
    },
    acquiring: {
      entry: 'acquire',
      on: {
        ACQUIRED: [
          { guard: 'vanished', target: 'missing' },
          { guard: 'current', target: 'owned' },
          { target: 'releasing' },
        ],
        REFUSED: [{ guard: 'leftOver', target: 'releasing' }, { target: 'failed' }],
      },
    },
    owned: {
      on: {
        DECIDED: { guard: 'unwanted', target: 'releasing' },
        CHANGED: 'releasing',
        MISSING: 'missing',
      },
    },
    missing: {
      after: { patience: 'acquiring' },
      on: {
        DECIDED: { guard: 'unwanted', target: 'releasing' },
        CHANGED: 'releasing',
      },
    },
    releasing: {
      entry: 'release',
      on: { RELEASED: 'elsewhere', STUCK: 'stuck' },
    },
    stuck: {
      entry: 'reportStuck',
      after: { retry: 'releasing' },
    },
    failed: {
      entry: ['reportFailed', 'reportFree'],
      exit: 'reportCapable',
      after: { coolDown: [{ guard: 'mustRelease', target: 'releasing' }, { target: 'elsewhere' }] },
      on: {
        // The reason for the failure may be gone with it.
        CHANGED: [{ guard: 'mustRelease', target: 'releasing' }, { target: 'elsewhere' }],
        // Whoever gets it instead waits for the word that it is off here (NET-8).
        DECIDED: [
          { guard: 'leftOver', target: 'releasing' },
          { guard: 'unwanted', actions: 'reportFree' },
        ],
      },
    },
  },
});
