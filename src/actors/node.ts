/**
 * The node itself: what it does, in which order, from start to stop.
 *
 * Invariants: the console answers before the bus is reached (LIFE-6), so that an operator can ask what is wrong; front
 * listeners open only after the counters they count in exist; whatever was opened is closed again, in reverse order,
 * also when the start fails half-way.
 */
import { assign, fromPromise, setup } from 'xstate';

/** Each duty resolves when it is done and rejects with a FlotillaError that ends the node. */
export interface NodeDuties {
  openConsole(): Promise<void>;
  /** Starts the bus connections and the membership; does not wait for a server to be there (LIFE-4). */
  join(): Promise<void>;
  openListeners(): Promise<void>;
  /** Leaves, drops both connections and joins as a new incarnation (CMD-17). */
  rejoin(): Promise<void>;
  /** Stops everything that was opened, sessions first. */
  close(): Promise<void>;
  /** Called once, at the very end; with the reason when the node had to end. */
  ended(error: unknown): void;
}

export type NodeEvent =
  | { readonly type: 'RESET' }
  | { readonly type: 'STOP' }
  /** The node cannot go on, for example because its name is taken (ID-20). */
  | { readonly type: 'FAIL'; readonly error: unknown };

interface NodeContext {
  readonly duties: NodeDuties;
  readonly error: unknown;
}

const duty = (name: Exclude<keyof NodeDuties, 'ended'>) =>
  fromPromise<void, NodeDuties>(({ input }) => input[name]());

export const nodeMachine = setup({
  types: {
    input: {} as { duties: NodeDuties },
    context: {} as NodeContext,
    events: {} as NodeEvent,
  },
  actors: {
    openConsole: duty('openConsole'),
    join: duty('join'),
    openListeners: duty('openListeners'),
    rejoin: duty('rejoin'),
    close: duty('close'),
  },
  actions: {
    rememberError: assign({
      error: ({ context, event }) => context.error ?? ('error' in event ? event.error : undefined),
    }),
    reportEnd: ({ context }) => context.duties.ended(context.error),
  },
  guards: {
    hasFailed: ({ context }) => context.error !== undefined,
  },
}).createMachine({
  id: 'node',
  context: ({ input }) => ({ duties: input.duties, error: undefined }),
  initial: 'starting',
  on: {
    STOP: '.stopping',
    FAIL: { target: '.stopping', actions: 'rememberError' },
  },
  states: {
    starting: {
      invoke: {
        src: 'openConsole',
        input: ({ context }) => context.duties,
        onDone: 'joining',
        onError: { target: 'stopping', actions: 'rememberError' },
      },
    },
    joining: {
      invoke: {
        src: 'join',
        input: ({ context }) => context.duties,
        onDone: 'opening',
        onError: { target: 'stopping', actions: 'rememberError' },
      },
    },
    opening: {
      invoke: {
        src: 'openListeners',
        input: ({ context }) => context.duties,
        onDone: 'serving',
        onError: { target: 'stopping', actions: 'rememberError' },
      },
    },
    serving: { on: { RESET: 'resetting' } },
    resetting: {
      invoke: {
        src: 'rejoin',
        input: ({ context }) => context.duties,
        onDone: 'serving',
        onError: { target: 'stopping', actions: 'rememberError' },
      },
    },
    stopping: {
      // A second STOP must not start a second close beside the first.
      on: { STOP: {}, FAIL: {}, RESET: {} },
      invoke: {
        src: 'close',
        input: ({ context }) => context.duties,
        onDone: [{ guard: 'hasFailed', target: 'failed' }, { target: 'stopped' }],
        onError: { target: 'failed', actions: 'rememberError' },
      },
    },
    stopped: { type: 'final', entry: 'reportEnd' },
    failed: { type: 'final', entry: 'reportEnd' },
  },
});
