/**
 * A subscriber of a log as a machine an operator can read. Regions while it is leased: `term` ends the lease when its holder
 * is silent, `activity` says what is being done for him. `barred`: an operator ended the transfer.
 */
import { setup } from 'xstate';

export interface LogSubscriberDuties {
  /** Silence of the holder that ends his lease. */
  readonly termMs: number;
  /** The holder was silent for too long. */
  expired(): void;
}

export type LogSubscriberEvent = {
  readonly type: 'GRANTED' | 'RENEWED' | 'READING' | 'READ' | 'DAMAGED' | 'RELEASED' | 'ABORTED';
};

/** Time to look after what made an operator end a transfer. */
export const barMs = 60_000;

export const logSubscriberMachine = setup({
  types: {
    input: {} as { readonly duties: LogSubscriberDuties },
    context: {} as { readonly duties: LogSubscriberDuties },
    events: {} as LogSubscriberEvent,
  },
  actions: {
    expired: ({ context }) => context.duties.expired(),
  },
  delays: { term: ({ context }) => context.duties.termMs, ban: barMs },
}).createMachine({
  id: 'logSubscriber',
  context: ({ input }) => input,
  initial: 'free',
  states: {
    free: { on: { GRANTED: 'leased' } },
    leased: {
      type: 'parallel',
      on: {
        GRANTED: { target: 'leased', reenter: true },
        RELEASED: 'free',
        ABORTED: 'barred',
      },
      states: {
        term: {
          initial: 'leased',
          states: {
            leased: {
              on: { RENEWED: { target: 'leased', reenter: true } },
              after: { term: { target: '#logSubscriber.free', actions: 'expired' } },
            },
          },
        },
        activity: {
          initial: 'waiting',
          on: { READING: '.reading', READ: '.waiting', DAMAGED: '.damaged' },
          states: { waiting: {}, reading: {}, damaged: {} },
        },
      },
    },
    barred: { after: { ban: 'free' } },
  },
});
