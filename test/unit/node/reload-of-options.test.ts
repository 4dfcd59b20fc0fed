import { describe, expect, it } from 'vitest';
import { managed, ofManager } from '../../../src/manager/reload.ts';
import { differences, reloaded } from '../../../src/node/settings-change.ts';
import { checkText } from '../config/checked.ts';
import { optionTries } from '../config/option-tries.ts';

const all = [...optionTries()];

describe('what the reference says of a reload', () => {
  it.each(all.filter(({ isOfManager }) => !isOfManager))(
    'CONF-8 CONF-10 $name: on a node at once, or after a restart, as it is marked',
    ({ option, before, after }) => {
      const [running, wanted] = [checkText(before).settings!, checkText(after).settings!];
      const next = reloaded(running, wanted);
      const [applied, left] = [differences(running, next), differences(next, wanted)];
      if (option.restart) expect(applied).toEqual([]);
      else expect(left).toEqual([]);
    },
  );

  it.each(all)(
    'CONF-8 MGR-15 $name: on a manager at once, or after a restart, as it is marked',
    ({ option, isOfManager, before, after }) => {
      const running = checkText(before).settings!;
      const wanted = ofManager(checkText(after).settings!, running);
      const next = managed(running, wanted);
      const [applied, left] = [differences(running, next), differences(next, wanted)];
      if (option.restart) expect(applied).toEqual([]);
      else expect(left).toEqual([]);
      // By the name that it has in the files.
      if (isOfManager && !option.ignored)
        expect([...applied, ...left].filter((name) => /[a-z][A-Z]/.test(name))).toEqual([]);
    },
  );

  it.each(all.filter(({ isOfManager }) => isOfManager))(
    'CONF-10 $name is nothing to a node',
    ({ before, after }) => {
      const [running, wanted] = [checkText(before).settings!, checkText(after).settings!];
      expect(differences(reloaded(running, wanted), wanted)).toEqual([]);
    },
  );
});
