/** How readers of values say no. */
import type { FindingCode } from './finding.ts';

/** Reports the value at hand; returns undefined, so that it can be returned in place of a value. */
export type Refuse = (
  code: FindingCode,
  message: string,
  hint?: string | (() => string | undefined),
) => undefined;

/** A message is a line, a value can be a megabyte. */
export function shown(text: string): string {
  return text.length > 60 ? `'${text.slice(0, 60)}...'` : `'${text}'`;
}
