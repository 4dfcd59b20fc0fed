/** The one line in which a command says why it failed. */
import { isFlotillaError } from '../core/errors.ts';

/** What happened, what to do, and the code to look up. A defect shows where it is. */
export function fatalLine(error: unknown): string {
  if (isFlotillaError(error)) return `flotilla: ${error.message}. ${error.advice} [${error.code}]`;
  return `flotilla: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
