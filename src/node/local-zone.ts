/**
 * The zone of this machine, as the C library knows it: how far local time is from UTC at a moment, and what it is called.
 * Node.js has the first only in minutes and knows the second by other names (`GMT+1` for `CET`); where the native bridge
 * does not load, that has to do.
 */
import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import type { TimeZone } from '../core/logs/strftime.ts';
import { systemZone } from './system-zone.ts';

let loaded: TimeZone | undefined;

/** One for all: loggers and aggregated files must not call the same time by two names. Loaded when it is first asked. */
export const localZone: TimeZone = {
  at(timeS) {
    loaded ??= load();
    return loaded.at(timeS);
  },
};

function load(): TimeZone {
  try {
    return zoneOfLibrary();
  } catch {
    return systemZone;
  }
}

function zoneOfLibrary(): TimeZone {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const numbers = ['sec', 'min', 'hour', 'mday', 'mon', 'year', 'wday', 'yday', 'isdst'];
  const members = Object.fromEntries(numbers.map((name) => [name, 'int']));
  const brokenDown = koffi.struct({ ...members, gmtoff: 'long', zone: 'const char *' });
  const library = koffi.load(null);
  library.func('void tzset()')();
  const localtime = library.func('localtime_r', 'void *', [
    koffi.pointer('int64_t'),
    koffi.out(koffi.pointer(brokenDown)),
  ]);
  return byQuarters((timeS) => {
    const found: { gmtoff?: number; zone?: string } = {};
    localtime([timeS], found);
    return { offsetS: Number(found.gmtoff), name: String(found.zone) };
  });
}

/** Asking takes 20 us. Since 1973 no clock of the world was changed but at a quarter of an hour. */
const quarterS = 900;

function byQuarters(ask: TimeZone['at']): TimeZone {
  let quarter: number | undefined;
  let answer = ask(0);
  return {
    at(timeS) {
      const asked = Math.floor(timeS / quarterS);
      if (asked !== quarter) answer = ask(timeS);
      quarter = asked;
      return answer;
    },
  };
}
