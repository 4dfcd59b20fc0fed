/** What JetStream says when it cannot, in words that an operator can act upon. */
import { NatsError } from 'nats';
import { FlotillaError, isFlotillaError } from '../core/errors.ts';

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code;
}

const reasons: Readonly<Record<string, string>> = {
  '503': 'no JetStream answers here: it is off, or this side of a cut has no majority of its servers',
  TIMEOUT: 'no answer in time: its servers may have no majority on this side of a cut',
};

export function unreachable(error: unknown): FlotillaError {
  if (isFlotillaError(error)) return error;
  const { message, code, api_error } = error as NatsError;
  return new FlotillaError('FLT-2301', api_error?.description ?? (code && reasons[code]) ?? message, error);
}
