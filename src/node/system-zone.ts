/** Local time of this machine, for whoever writes times that people read. */
import type { TimeZone } from '../core/logs/strftime.ts';

export const systemZone: TimeZone = {
  at(timeS) {
    const date = new Date(timeS * 1000);
    const offsetS = -date.getTimezoneOffset() * 60;
    return { offsetS, name: zoneName(date, offsetS) };
  },
};

const names = new Map<number, string>();

/** Names are asked for rarely and cost much; one offset has one name within a year. */
function zoneName(date: Date, offsetS: number): string {
  const known = names.get(offsetS);
  if (known !== undefined) return known;
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  names.set(offsetS, name);
  return name;
}
