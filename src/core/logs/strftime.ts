/**
 * strftime of POSIX in the C locale, without a clock and without a zone of its own: whoever has a moment also says how
 * far local time is from UTC then. Every conversion is there, and the modifiers `E` and `O` where POSIX allows them; in
 * this locale they change nothing.
 */

/** Local time at a moment, of a place. */
export interface TimeZone {
  /** Seconds east of UTC, and what the time is called: 3600 and `CET`. */
  at(timeS: number): { readonly offsetS: number; readonly name: string };
}

export interface LocalTime {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** From 0. */
  readonly yearDay: number;
  readonly offsetS: number;
  readonly zone: string;
}

/** A piece of text that depends on the time. */
export type TimeText = (time: LocalTime) => string;

const daySeconds = 86_400;

export function localTime(timeS: number, zone: TimeZone): LocalTime {
  const { offsetS, name } = zone.at(timeS);
  const localS = Math.floor(timeS) + offsetS;
  const days = Math.floor(localS / daySeconds);
  const rest = localS - days * daySeconds;
  const { year, month, day } = dateOf(days);
  return {
    year,
    month,
    day,
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
    weekday: (((days + 4) % 7) + 7) % 7,
    yearDay: daysBefore(month, year) + day - 1,
    offsetS,
    zone: name,
  };
}

/** The Gregorian date of a number of days since 1970-01-01. Years begin in March here, so that leap days come last. */
function dateOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = (fromMarch + 2) % 12;
  return { year: yearOfEra + era * 400 + (month < 2 ? 1 : 0), month, day };
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

function daysBefore(month: number, year: number): number {
  return daysBeforeMonth[month]! + (month > 1 && isLeap(year) ? 1 : 0);
}

/** The year and week of ISO 8601: weeks begin on Monday, and the first one holds the first Thursday. */
function isoWeek({ year, yearDay, weekday }: LocalTime): { year: number; week: number } {
  const sinceMonday = (weekday + 6) % 7;
  const week = Math.floor((yearDay - sinceMonday + 10) / 7);
  if (week === 0) return isoWeek({ ...lastDay(year - 1), weekday: (weekday - yearDay - 1 + 371) % 7 });
  const thursday = yearDay - sinceMonday + 3;
  return thursday > lastDay(year).yearDay ? { year: year + 1, week: 1 } : { year, week };
}

function lastDay(year: number): LocalTime {
  const yearDay = isLeap(year) ? 365 : 364;
  return {
    ...{ year, month: 11, day: 31, hour: 0, minute: 0, second: 0 },
    ...{ weekday: 0, yearDay, offsetS: 0, zone: '' },
  };
}

const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const monthNames = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];

const two = (value: number): string => String(value).padStart(2, '0');
const hour12 = (hour: number): number => (hour % 12 === 0 ? 12 : hour % 12);

function offsetText(offsetS: number): string {
  const minutes = Math.floor(Math.abs(offsetS) / 60);
  return `${offsetS < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

/** Those that stand for several others. */
const composed: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  h: '%b',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

const single: Readonly<Record<string, TimeText>> = {
  a: ({ weekday }) => dayNames[weekday]!.slice(0, 3),
  A: ({ weekday }) => dayNames[weekday]!,
  b: ({ month }) => monthNames[month]!.slice(0, 3),
  B: ({ month }) => monthNames[month]!,
  C: ({ year }) => two(Math.floor(year / 100)),
  d: ({ day }) => two(day),
  e: ({ day }) => String(day).padStart(2, ' '),
  g: (time) => two(isoWeek(time).year % 100),
  G: (time) => String(isoWeek(time).year),
  H: ({ hour }) => two(hour),
  I: ({ hour }) => two(hour12(hour)),
  j: ({ yearDay }) => String(yearDay + 1).padStart(3, '0'),
  m: ({ month }) => two(month + 1),
  M: ({ minute }) => two(minute),
  n: () => '\n',
  p: ({ hour }) => (hour < 12 ? 'AM' : 'PM'),
  S: ({ second }) => two(second),
  t: () => '\t',
  u: ({ weekday }) => String(weekday === 0 ? 7 : weekday),
  U: ({ yearDay, weekday }) => two(Math.floor((yearDay + 7 - weekday) / 7)),
  V: (time) => two(isoWeek(time).week),
  w: ({ weekday }) => String(weekday),
  W: ({ yearDay, weekday }) => two(Math.floor((yearDay + 7 - ((weekday + 6) % 7)) / 7)),
  y: ({ year }) => two(year % 100),
  Y: ({ year }) => String(year),
  z: ({ offsetS }) => offsetText(offsetS),
  Z: ({ zone }) => zone,
  '%': () => '%',
};

const modified: Readonly<Record<string, string>> = { E: 'cCxXyY', O: 'deHImMSuUVwWy' };

/** The conversion whose `%` stands at `at`, and its length; undefined: there is none like that. */
export function conversionAt(
  text: string,
  at: number,
): { readonly length: number; readonly text: TimeText } | undefined {
  const first = text.charAt(at + 1);
  const allowed = modified[first];
  const letter = allowed === undefined ? first : text.charAt(at + 2);
  if (letter === '' || !(allowed ?? letter).includes(letter)) return undefined;
  const parts = composed[letter];
  const convert = parts === undefined ? single[letter] : timeText(parts);
  return convert && { length: allowed === undefined ? 2 : 3, text: convert };
}

/** Undefined: a `%` is followed by something that is no conversion. */
export function timeText(format: string): TimeText | undefined {
  const parts: (string | TimeText)[] = [];
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf('%', at);
    if (percent < 0) break;
    const conversion = conversionAt(format, percent);
    if (!conversion) return undefined;
    parts.push(format.slice(at, percent), conversion.text);
    at = percent + conversion.length;
  }
  parts.push(format.slice(at));
  return (time) => parts.map((part) => (typeof part === 'string' ? part : part(time))).join('');
}
