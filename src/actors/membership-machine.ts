/**
 * The membership of the cluster group as a machine an operator can read. Two regions: `view` says where this process
 * stands, `heartbeat` proves that the actors live (MEM-13). Beats are the actor's pulse.
 */
import { setup } from 'xstate';

/** What the machine asks for; implemented by Membership with one call each. */
export interface MembershipDuties {
  sendHeartbeat(): void;
  checkHeartbeats(): void;
  sayGoodbye(): void;
  /** What is left of the start delay: none when this actor is started anew in the middle of the process's life. */
  untilHeartbeatsMs(): number;
}

export interface MembershipInput {
  readonly duties: MembershipDuties;
  readonly heartbeatIntervalMs: number;
}

/** Where the process stands: not connected, connected but by itself, in a changing view, in an agreed one. */
export type Standing = 'offline' | 'alone' | 'settling' | 'settled';

export type MembershipEvent =
  | { readonly type: 'OFFLINE' }
  | { readonly type: 'ALONE' }
  | { readonly type: 'SETTLING' }
  | { readonly type: 'SETTLED' }
  | { readonly type: 'LEAVE' };

export const standingEvents = {
  offline: { type: 'OFFLINE' },
  alone: { type: 'ALONE' },
  settling: { type: 'SETTLING' },
  settled: { type: 'SETTLED' },
} as const satisfies Record<Standing, MembershipEvent>;

const standingTransitions = {
  OFFLINE: '.offline',
  ALONE: '.alone',
  SETTLING: '.settling',
  SETTLED: '.settled',
} as const;

export const membershipMachine = setup({
  types: {
    input: {} as MembershipInput,
    context: {} as MembershipInput,
    events: {} as MembershipEvent,
  },
  actions: {
    sendHeartbeat: ({ context }) => context.duties.sendHeartbeat(),
    checkHeartbeats: ({ context }) => context.duties.checkHeartbeats(),
    sayGoodbye: ({ context }) => context.duties.sayGoodbye(),
  },
  delays: {
    heartbeatStartDelay: ({ context }) => context.duties.untilHeartbeatsMs(),
    heartbeatInterval: ({ context }) => context.heartbeatIntervalMs,
  },
}).createMachine({
  id: 'membership',
  context: ({ input }) => input,
  initial: 'member',
  states: {
    member: {
      type: 'parallel',
      on: { LEAVE: { target: 'left', actions: 'sayGoodbye' } },
      states: {
        view: {
          initial: 'offline',
          on: standingTransitions,
          states: { offline: {}, alone: {}, settling: {}, settled: {} },
        },
        heartbeat: {
          initial: 'quiet',
          states: {
            quiet: { after: { heartbeatStartDelay: { target: 'beating', actions: 'sendHeartbeat' } } },
            beating: {
              after: {
                heartbeatInterval: {
                  target: 'beating',
                  reenter: true,
                  actions: ['sendHeartbeat', 'checkHeartbeats'],
                },
              },
            },
          },
        },
      },
    },
    left: {},
  },
});
