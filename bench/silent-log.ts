/** For parts whose words nobody wants to read between figures. */
import type { Log } from '../src/core/log.ts';

const quiet = () => {};

export const silentLog: Log = {
  debug: quiet,
  info: quiet,
  notice: quiet,
  warning: quiet,
  error: quiet,
  critical: quiet,
};
