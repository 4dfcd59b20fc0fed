/** The public API: what `import ... from 'flotilla'` gives. */

export type { ByzantineReason } from './actors/membership.ts';
export type { Status } from './console/answer.ts';
export type { ConsoleAnswer } from './console/interpreter.ts';
export type {
  QueryLimits,
  QueryLoader,
  QueryOptions,
  QueryRow,
  QueryValue,
} from './core/cache/query-cache.ts';
export type { Label } from './core/duravip/labels.ts';
export type { AssignmentReason, Ip, VipService } from './core/duravip/vip.ts';
export { type ErrorCode, errorCatalogue, FlotillaError, isFlotillaError } from './core/errors.ts';
export type { Incarnation, MemberType } from './core/identity.ts';
export type {
  AccountRecord,
  BounceRecord,
  DeliveryRecord,
  FailureRecord,
  MailAddress,
  MessageRecord,
  ReceptionRecord,
  RejectionRecord,
} from './core/logs/message-record.ts';
export type { OutboundAttempt, OutboundDecision } from './core/outbound-caps.ts';
export type { OutboundConnection } from './core/outbound-connections.ts';
export type { ThrottledAttempt } from './core/outbound-throttles.ts';
export type { TableRow } from './core/replica/table.ts';
export type { OutboundResult, OutboundResults } from './core/series/outbound-results.ts';
export type { NodeSettings } from './core/settings.ts';
export type { ThrottleOptions } from './core/throttle/shared-throttles.ts';
export type { Process, View, ViewCause, ViewId } from './core/view.ts';
export type { DestinationFacts } from './logs/line-queue.ts';
export type { LogReader, LogRecord } from './logs/log-reader.ts';
export { type ManagerOptions, type RunningManager, startManager } from './manager.ts';
export type { FrontClient, FrontEvent, FrontRefusal, LocalService } from './net/front-listener.ts';
export type { Caches, TryQueryFailure } from './node/caches.ts';
export type { ClusterApi, ClusterEvents } from './node/cluster-api.ts';
export type {
  CommandAnswer,
  CommandApi,
  CommandDescription,
  CommandHandler,
  CommandLine,
} from './node/command-api.ts';
export type { ConfigurationSource, ConfigurationText } from './node/configuration.ts';
export type {
  ListenOptions,
  MessageListener,
  MessageSource,
  MulticastListener,
  MulticastOrder,
  StatsHandler,
} from './node/conversation.ts';
export type { NodeAudit, NodeGauges, NodeSeries } from './node/counts.ts';
export type { VipLocation } from './node/floating.ts';
export type { GroupMember, GroupView } from './node/group-views.ts';
export type { LogsApi } from './node/logs-api.ts';
export type { NodeEvents } from './node/node-api.ts';
export { type LogReaderOptions, openLogReader } from './node/open-log-reader.ts';
export type { OutboundOpening } from './node/outbound-opening.ts';
export type { OwnershipChange, RoundSummary } from './node/ownership-news.ts';
export type { PeerHandler, PeerLimits, PeerStream } from './node/peers.ts';
export type { ReloadOutcome } from './node/reload.ts';
export type { CountOptions, SharedObject } from './node/shared-object.ts';
export type {
  LocalThrottles,
  SharedNamedThrottles,
  Slot,
  Slots,
  ThrottleDecision,
  Throttles,
} from './node/throttles.ts';
export type { VipContext, VipHook } from './node/vip-hooks.ts';
export type { BindingHandler, ServiceHandler } from './node/vip-services.ts';
export {
  type RunningNode,
  type StartOptions,
  startNode,
} from './node.ts';
