/** What loggers hear of. Each writes what its switches and formats say, and nothing of the rest. */
import type {
  AccountRecord,
  BounceRecord,
  DeliveryRecord,
  FailureRecord,
  ReceptionRecord,
  RejectionRecord,
  SessionRecord,
} from '../core/logs/message-record.ts';

export type LogEvent =
  | { readonly kind: 'reception'; readonly record: ReceptionRecord }
  | { readonly kind: 'delivery' | 'transfer'; readonly record: DeliveryRecord }
  | { readonly kind: 'transient-failure' | 'permanent-failure'; readonly record: FailureRecord }
  | { readonly kind: 'bounce'; readonly record: BounceRecord }
  | { readonly kind: 'rejection'; readonly record: RejectionRecord }
  | { readonly kind: 'account'; readonly record: AccountRecord }
  | { readonly kind: 'session'; readonly record: SessionRecord }
  /** A line of its own. */
  | {
      readonly kind: 'import' | 'panic';
      readonly record: { readonly timeUs?: number; readonly text: string };
    };

/** When it happened, as a number and as the lines have it. */
export interface EventTime {
  readonly timeUs: number;
  readonly text: string;
}

/** One configured logger. */
export interface Logger {
  write(event: LogEvent, time: EventTime): void;
  /** A sign of life, in the logs that have them. */
  beat(time: EventTime): void;
}
