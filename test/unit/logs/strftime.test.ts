/** strftime against the `date` of this machine, in zones with and without summer time (logging 10.3). */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { localTime, type TimeZone, timeText } from '../../../src/core/logs/strftime.ts';

const plain = 'aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%';
const conversions = [
  ...[...plain].map((letter) => `%${letter}`),
  ...[...'cCxXyY'].map((letter) => `%E${letter}`),
  ...[...'deHImMSuUVwWy'].map((letter) => `%O${letter}`),
];
const separator = '\u0001';

function date(zone: string, times: readonly number[], format: string): string[] {
  const input = times.map((timeS) => `@${timeS}\n`).join('');
  const env = { ...process.env, TZ: zone, LC_ALL: 'C' };
  const text = execFileSync('date', ['-f', '-', `+${format}\u0002`], { input, env, encoding: 'utf8' });
  return text.split('\u0002\n').slice(0, -1);
}

/** What `date` says about offset and name of each moment. */
function zoneOf(zone: string, times: readonly number[]): TimeZone {
  const found = new Map(
    date(zone, times, '%z %Z').map((text, index) => {
      const [, sign, hours, minutes, name = ''] = /^([+-])(\d\d)(\d\d) (.*)$/.exec(text) ?? [];
      const offsetS = (Number(hours) * 3600 + Number(minutes) * 60) * (sign === '-' ? -1 : 1);
      return [times[index]!, { offsetS, name }];
    }),
  );
  return { at: (timeS) => found.get(timeS)! };
}

/** Around every new year from 1970 to 2105, hours through a year, and moments at which clocks are put forward and back. */
const times = [
  ...Array.from({ length: 136 }, (_, year) => Math.round(year * 365.2425 * 86_400)).flatMap((start) =>
    [-4, -3, -2, -1, 0, 1, 2, 3, 4].map((day) => Math.max(start + day * 86_400 + 12_345, 0)),
  ),
  ...Array.from({ length: 24 * 15 }, (_, n) => 1_700_000_000 + n * 90_001),
  ...[1_711_846_799, 1_711_846_800, 1_729_990_799, 1_729_990_800, 951_782_399, 951_868_799, 4_294_967_295],
];

describe('LOG-10.3 time conversions', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia'])
    it(`every one is what date prints in ${zone}`, () => {
      const at = zoneOf(zone, times);
      const expected = date(zone, times, conversions.join(separator));
      const format = timeText(conversions.join(separator));
      const found = times.map((timeS) => format?.(localTime(timeS, at)));
      expect(found).toEqual(expected);
    });

  it('text around them stays, and a letter that POSIX does not know is none', () => {
    const utc = { at: () => ({ offsetS: 0, name: 'UTC' }) };
    expect(timeText('a %Y é %%Y')?.(localTime(0, utc))).toBe('a 1970 é %Y');
    for (const text of ['%', 'x%', '%q', '%E', '%O', '%Ed', '%OY', '%EE', '%i', '%{', '%é'])
      expect([text, timeText(text)]).toEqual([text, undefined]);
  });
});
