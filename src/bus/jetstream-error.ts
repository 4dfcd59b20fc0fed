/** What JetStream says when it cannot, in words that an operator can act upon; and asking again when it says nothing. */
import { NatsError } from 'nats';
import { FlotillaError, isFlotillaError } from '../core/errors.ts';

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code;
}

const reasons: Readonly<Record<string, string>> = {
  '503': 'no JetStream answers here: it is off, or this side of a cut has no majority of its servers',
  TIMEOUT: 'no answer in time: its servers may have no majority on this side of a cut',
};
/** "JetStream system temporarily unavailable" tells nobody where to look. */
const clusterNotAvailable = 10008;

export function unreachable(error: unknown): FlotillaError {
  if (isFlotillaError(error)) return error;
  const { message, code, api_error } = error as NatsError;
  const isUnled = isApiError(error, clusterNotAvailable);
  const said = isUnled
    ? 'its servers have no majority on this side of a cut, or are electing'
    : api_error?.description;
  return new FlotillaError('FLT-2301', said ?? (code && reasons[code]) ?? message, error);
}

/** For one answer, when there are more tries. */
const answerMs = 3_000;

/** How long to wait for one answer, so that there is time for other tries. */
export function oneAnswerMs(timeoutMs: number): number {
  return Math.min(answerMs, timeoutMs);
}

/**
 * For what changes nothing, or the same each time. Servers drop without an answer what comes while they elect; who asks once
 * then waits the whole time for nothing.
 */
export async function askedAgain<Answer>(timeoutMs: number, ask: () => Promise<Answer>): Promise<Answer> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isLost = error instanceof NatsError && error.code === 'TIMEOUT';
      if (!isLost || performance.now() >= endMs) throw error;
    }
  }
}
