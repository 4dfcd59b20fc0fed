/**
 * The puller of one log of one node as a machine an operator can read. While it has a lease, `intake` fetches and `keeping`
 * has what was fetched written and acknowledged: one interval is fetched while the one before is written.
 */
import { fromPromise, setup } from 'xstate';

export type OpenOutcome =
  | 'opened'
  | 'leased'
  | 'aborted'
  | 'no-subscriber'
  | 'no-journal'
  | 'unwanted'
  | 'failed';
export type FetchOutcome = 'records' | 'nothing' | 'lost' | 'damaged' | 'failed';
export type KeepOutcome = 'kept' | 'lost' | 'held' | 'failed';

/** What the machine asks for; none of it rejects. */
export interface LogPullerDuties {
  open(): Promise<OpenOutcome>;
  fetch(): Promise<FetchOutcome>;
  /** Of what was fetched last: it is written from now on, and there is room for the next. */
  handOver(): void;
  /** Has it written and acknowledges it. */
  keep(): Promise<KeepOutcome>;
  readonly hasFetched: boolean;
  /** More can be had now. */
  readonly hasMore: boolean;
  /** Until the next fetch. */
  readonly waitMs: number;
  /** Until the next attempt after something went wrong. */
  readonly backOffMs: number;
  endSession(): void;
}

export type LogPullerEvent = {
  /** READY: the log has got records. RETRY: what was wrong may be over. */
  readonly type: 'READY' | 'RETRY' | 'ABORT';
};

interface PullerContext {
  readonly duties: LogPullerDuties;
}

const is =
  (outcome: string) =>
  ({ event }: { readonly event: unknown }) =>
    (event as { readonly output?: unknown }).output === outcome;

export const logPullerMachine = setup({
  types: {
    input: {} as { readonly duties: LogPullerDuties },
    context: {} as PullerContext,
    events: {} as LogPullerEvent,
  },
  actors: {
    open: fromPromise<OpenOutcome, LogPullerDuties>(({ input }) => input.open()),
    fetch: fromPromise<FetchOutcome, LogPullerDuties>(({ input }) => input.fetch()),
    keep: fromPromise<KeepOutcome, LogPullerDuties>(({ input }) => input.keep()),
  },
  actions: {
    handOver: ({ context }) => context.duties.handOver(),
    endSession: ({ context }) => context.duties.endSession(),
  },
  guards: {
    hasFetched: ({ context }) => context.duties.hasFetched,
    mayFetchOn: ({ context }) => !context.duties.hasFetched && context.duties.hasMore,
    mayRest: ({ context }) => !context.duties.hasFetched,
    isOpened: is('opened'),
    isLeased: is('leased'),
    isAborted: is('aborted'),
    hasNoSubscriber: is('no-subscriber'),
    hasNoJournal: is('no-journal'),
    isUnwanted: is('unwanted'),
    gotRecords: is('records'),
    gotNothing: is('nothing'),
    isLost: is('lost'),
    isDamaged: is('damaged'),
    isKept: is('kept'),
    isHeld: is('held'),
  },
  delays: {
    wait: ({ context }) => context.duties.waitMs,
    backOff: ({ context }) => context.duties.backOffMs,
  },
}).createMachine({
  id: 'logPuller',
  context: ({ input }) => ({ duties: input.duties }),
  initial: 'opening',
  on: { ABORT: '.aborted' },
  states: {
    opening: {
      invoke: {
        src: 'open',
        input: ({ context }) => context.duties,
        onDone: [
          { guard: 'isOpened', target: 'pulling' },
          { guard: 'isLeased', target: 'leased' },
          { guard: 'isAborted', target: 'aborted' },
          { guard: 'hasNoSubscriber', target: 'unsubscribed' },
          { guard: 'hasNoJournal', target: 'unmade' },
          { guard: 'isUnwanted', target: 'unwanted' },
          { target: 'failing' },
        ],
      },
    },
    pulling: {
      type: 'parallel',
      exit: 'endSession',
      states: {
        intake: {
          initial: 'fetching',
          states: {
            fetching: {
              invoke: {
                src: 'fetch',
                input: ({ context }) => context.duties,
                onDone: [
                  { guard: 'gotRecords', target: 'full' },
                  { guard: 'gotNothing', target: 'waiting' },
                  { guard: 'isLost', target: '#logPuller.opening' },
                  { guard: 'isDamaged', target: '#logPuller.damaged' },
                  { target: '#logPuller.failing' },
                ],
              },
            },
            full: {
              always: [
                { guard: 'mayFetchOn', target: 'fetching' },
                { guard: 'mayRest', target: 'waiting' },
              ],
            },
            waiting: {
              always: { guard: 'mayFetchOn', target: 'fetching' },
              on: { READY: 'fetching' },
              after: { wait: 'fetching' },
            },
          },
        },
        keeping: {
          initial: 'idle',
          states: {
            idle: { always: { guard: 'hasFetched', target: 'writing' } },
            writing: {
              entry: 'handOver',
              invoke: {
                src: 'keep',
                input: ({ context }) => context.duties,
                onDone: [
                  { guard: 'isKept', target: 'idle' },
                  { guard: 'isLost', target: '#logPuller.opening' },
                  { guard: 'isHeld', target: '#logPuller.held' },
                  { target: '#logPuller.failing' },
                ],
              },
            },
          },
        },
      },
    },
    /** By another manager. */
    leased: { on: { RETRY: 'opening' }, after: { backOff: 'opening' } },
    unsubscribed: { on: { RETRY: 'opening' }, after: { backOff: 'opening' } },
    /** Nothing has been logged to it so far; told of when it is. */
    unmade: { on: { RETRY: 'opening', READY: 'opening' }, after: { backOff: 'opening' } },
    unwanted: { on: { RETRY: 'opening' }, after: { backOff: 'opening' } },
    aborted: { after: { backOff: 'opening' } },
    damaged: { on: { RETRY: 'opening' }, after: { backOff: 'opening' } },
    /** Its records cannot be written here. */
    held: { after: { backOff: 'opening' } },
    failing: { on: { RETRY: 'opening' }, after: { backOff: 'opening' } },
  },
});
