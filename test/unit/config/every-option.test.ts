import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { checkText } from './checked.ts';
import { type OptionTry, optionTries } from './option-tries.ts';

/** What is no setting of a process: how files are read and written, by the file that does it. */
const elsewhere: Readonly<Record<string, string>> = {
  local_changes_file: 'src/config/checks/changes.ts',
  local_changes_only: 'src/config/online/writeback.ts',
  max_pending_changes: 'src/node/running-configuration.ts',
};

const all = [...optionTries()];

/** Of the catalogue, every one that is not said to have no effect. */
describe('CONF-9 no option is accepted in silence and then does nothing', () => {
  it('tries hundreds of places of options, with configurations that are right', () => {
    expect(all.length).toBeGreaterThan(400);
    const wrong = all.flatMap(({ before, after }) =>
      [before, after].filter((text) => checkText(text).settings === undefined),
    );
    expect(wrong).toEqual([]);
  });

  it('CFG-2006 another value makes other settings, or is told to have no effect, or says how files are kept', () => {
    expect(all.filter((each) => !hasEffect(each)).map(({ name }) => name)).toEqual([]);
  });

  it.each(Object.entries(elsewhere))('%s is read in %s', (option, file) => {
    expect(readFileSync(file, 'utf8')).toContain(option);
    // Nothing is excused that needs no excuse.
    expect(all.filter(({ option: { name } }) => name === option).filter(isSetting)).toEqual([]);
  });
});

function hasEffect(each: OptionTry): boolean {
  return isSetting(each) || Object.hasOwn(elsewhere, each.option.name);
}

function isSetting({ before, after }: OptionTry): boolean {
  return !isDeepStrictEqual(checkText(before).settings, checkText(after).settings);
}
