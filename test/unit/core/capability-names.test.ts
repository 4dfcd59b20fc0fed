import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  capabilitiesIn,
  capabilitiesProblem,
  parseCapabilities,
} from '../../../src/core/capability-names.ts';

describe('CONF-8.8 capabilities as Security has them', () => {
  it.each([
    [
      'cap_net_admin+ep cap_net_bind_service+ep  cap_net_raw+ep\ncap_sys_resource+ep',
      ['cap_net_admin', 'cap_net_bind_service', 'cap_net_raw', 'cap_sys_resource'],
    ],
    ['CAP_Net_Admin,cap_net_raw=eip cap_net_admin', ['cap_net_admin', 'cap_net_raw']],
    ['', []],
  ])('%j are %j', (text, names) => {
    expect(parseCapabilities(text)).toEqual(names);
  });

  it.each([
    ['cap_net_admni+ep', "'cap_net_admni' is no capability"],
    ['all+ep', "'all' is no capability"],
    ['=ep', "'' is no capability"],
    ['cap_net_admin+p', "write 'cap_net_admin+ep'"],
    ['cap_net_admin-ep', "write 'cap_net_admin+ep'"],
    ['cap_net_admin+epx', "write 'cap_net_admin+ep'"],
    ['cap_net_admin,+ep', "'' is no capability"],
  ])('%j is refused', (text, says) => {
    expect(capabilitiesProblem(text)).toContain(says);
  });

  it('no text throws, and what is accepted has names of capabilities only', () => {
    const word = fc.constantFrom(
      'cap_net_raw',
      'cap_chown',
      '+',
      '=',
      '-',
      'e',
      'p',
      'i',
      ',',
      ' ',
      '\n',
      '__proto__',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseCapabilities(text);
        if (!('problem' in parsed)) for (const name of parsed) expect(name).toMatch(/^cap_[a-z_]+$/);
      }),
    );
  });

  it('NET-13 are found in a set as the kernel prints it, by their numbers', () => {
    const wanted = [
      'cap_chown',
      'cap_net_bind_service',
      'cap_net_admin',
      'cap_net_raw',
      'cap_checkpoint_restore',
    ];
    expect(capabilitiesIn('0000000000003400', wanted)).toEqual(wanted.slice(1, 4));
    expect(capabilitiesIn('000001ffffffffff', wanted)).toEqual(wanted);
    expect(capabilitiesIn('', wanted)).toEqual([]);
  });
});
