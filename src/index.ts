/** The public API: what `import ... from 'flotilla'` gives. */
export { type ErrorCode, errorCatalogue, FlotillaError, isFlotillaError } from './core/errors.ts';
export type { Incarnation, MemberType } from './core/identity.ts';
export type { OutboundAttempt, OutboundDecision } from './core/outbound-caps.ts';
export type { OutboundConnection } from './core/outbound-connections.ts';
export type { TableRow } from './core/replica/table.ts';
export type { NodeSettings } from './core/settings.ts';
export type { Process, View, ViewCause, ViewId } from './core/view.ts';
export type { FrontClient, FrontEvent, FrontRefusal, LocalService } from './net/front-listener.ts';
export type { CountOptions, SharedObject } from './node/shared-object.ts';
export {
  type ConsoleAnswer,
  type NodeEvents,
  type RunningNode,
  type StartOptions,
  startNode,
} from './node.ts';
