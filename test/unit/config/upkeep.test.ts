/** The configuration of `cidr_maintain`. */
import { describe, expect, it } from 'vitest';
import { checkUpkeep } from '../../../src/config/upkeep.ts';
import { memoryFiles } from './memory-files.ts';

function check(text: string) {
  const { result, upkeep } = checkUpkeep('/m.conf', memoryFiles({ '/m.conf': text }));
  return { upkeep, findings: result.findings.map(({ severity, message }) => `${severity}: ${message}`) };
}

describe('the configuration of cidr_maintain', () => {
  it('REP-11.8 has defaults', () => {
    expect(check('')).toEqual({
      findings: [],
      upkeep: { series: undefined, retentionDays: 30, plainDays: 0, directory: undefined },
    });
  });

  it('REP-11.8 names series, days and a directory', () => {
    expect(
      check('# spam\nauto = false series = ( spam ) retention = 7 condense = -1 basedir = /x').upkeep,
    ).toEqual({
      series: ['spam'],
      retentionDays: 7,
      plainDays: undefined,
      directory: '/x',
    });
  });

  it('REP-11.8 says what is wrong, or has no effect', () => {
    for (const wrong of ['retention = 0', 'condense = -2', 'auto = perhaps', 'cluster { }']) {
      const { upkeep, findings } = check(wrong);
      expect([wrong, upkeep, findings.length, findings[0]?.startsWith('error: ')]).toEqual([
        wrong,
        undefined,
        1,
        true,
      ]);
    }
    expect(check('series = ( a )').findings).toEqual(['warning: series has no effect with auto = true']);
    expect(check('auto = false').findings).toEqual([
      'warning: nothing is done with auto = false and no series',
    ]);
    expect(checkUpkeep('/m.conf', memoryFiles({})).result.found).toBe(false);
  });
});
