/** Patterns of `logfile` (logging 10.3). */
import { describe, expect, it } from 'vitest';
import { type Destination, parseDestination } from '../../../src/core/logs/destination.ts';
import { OutputPattern, outputNameProblem, outputProblem } from '../../../src/core/logs/output-pattern.ts';
import { localTime } from '../../../src/core/logs/strftime.ts';

const utc = { at: () => ({ offsetS: 0, name: 'UTC' }) };
const names = { log: 'mainlog', node: 'node1', subcluster: 'mycluster' };

function parsed(text: string): Destination {
  const destination = parseDestination(text, { isPattern: true });
  if (typeof destination === 'string') throw new Error(destination);
  return destination;
}

const expand = (text: string, timeS = 1_709_769_600, more = {}) =>
  new OutputPattern(parsed(text)).expand({ ...names, ...more }, localTime(timeS, utc));

describe('LOG-10.3 logfile', () => {
  it('the example of the manual', () => {
    expect(expand('/var/log/eccluster/%Y/%m/%d/%{l}/%{s}/%{n}').path).toBe(
      '/var/log/eccluster/2024/03/07/mainlog/mycluster/node1',
    );
  });

  it('what a name holds is not looked at again', () => {
    const odd = { log: '%Y%{n}', node: '%%', subcluster: '%{' };
    expect(expand('/%{l}/%{n}/%{s}', 0, odd).path).toBe('/%Y%{n}/%%/%{');
  });

  it('programs get names as parameters, and a name cannot add another parameter', () => {
    const { scheme, path, parameters } = expand('pipe:///bin/%{s}?arg1=%Y%20at%25&arg2=%{l}&env1=n=%{n}', 0, {
      log: 'a&env2=X=y?b=>c',
    });
    expect([scheme, path]).toEqual(['pipe', '/bin/mycluster']);
    expect([...parameters]).toEqual([
      ['arg1', '1970 at%'],
      ['arg2', 'a&env2=X=y?b=>c'],
      ['env1', 'n=node1'],
    ]);
  });

  it('CFG-2319 says which item is unknown, in the path and in parameters', () => {
    expect(outputProblem(parsed('/a/%{x}/b'))).toBe(
      "unknown interpolation '%{x}' (known are %{l} %{n} %{s})",
    );
    expect(outputProblem(parsed('pipe:///a?arg1=%{nn}'))).toContain("'%{nn}'");
    expect(outputProblem(parsed('/a%Ed'))).toBe("unknown time conversion '%Ed'");
    expect(outputProblem(parsed('/a%'))).toBe("unknown time conversion '%'");
    expect(outputProblem(parsed('/%Ey%Od%%%{l}'))).toBeUndefined();
  });
});

describe('LOG-10.3 a node does not choose paths on the manager', () => {
  it('names that would are refused', () => {
    for (const name of ['', '.', '..', 'a/b', '/', 'a\n', '\u0000', '\u007f', '\u0085', 'a\ufffd', '\ud800x'])
      expect([name, outputNameProblem(name)]).toEqual([name, expect.any(String)]);
    for (const name of ['mainlog', '...', 'a b', '.x', 'é', '%{n}', '😀'])
      expect([name, outputNameProblem(name)]).toEqual([name, undefined]);
  });
});
