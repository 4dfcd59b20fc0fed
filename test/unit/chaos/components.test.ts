import { describe, expect, it } from 'vitest';
import { Components } from '../../chaos/components.ts';

const line = (time: string, members: string) =>
  `{"level":"notice","time":"2026-01-01T00:00:${time}Z","view":"6.e2.2","cause":"network","members":2,"msg":"view 6 installed (network): ${members}"}\n`;
const zeroMs = Date.parse('2026-01-01T00:00:00.000Z');
const [all, own, rest] = ['#ec0-1#a #ec0-2#b #ec0-3#c', '#ec0-1#a', '#ec0-2#b #ec0-3#c'];

function componentsOf(logs: Readonly<Record<string, string>>): Components {
  const installed = Object.entries(logs).flatMap(([machine, log]) => Components.ofLog(machine, log, zeroMs));
  return new Components(installed.sort((one, other) => one.atMs - other.atMs));
}

describe('components', () => {
  it('INV-3 two that have views without each other are apart, until they have met for a while', () => {
    const components = componentsOf({
      a: line('00.000', all) + line('10.000', own) + line('20.000', all),
      b: line('00.000', all) + line('10.000', rest) + line('20.000', all),
      c: line('00.000', all) + line('10.000', rest) + line('20.000', all),
    });
    expect([5_000, 9_000, 15_000, 24_000, 26_000].map((atMs) => components.areApart('a', 'b', atMs))).toEqual(
      [false, true, true, true, false],
    );
    expect(components.areApart('b', 'c', 15_000)).toBe(false);
  });

  it('R2 a process that is dead or frozen is in no component of its own', () => {
    const components = componentsOf({
      a: line('00.000', all),
      b: line('00.000', all) + line('10.000', rest),
    });
    expect(components.areApart('a', 'b', 12_000)).toBe(false);
  });
});
