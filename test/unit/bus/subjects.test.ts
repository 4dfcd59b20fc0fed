import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  connectionName,
  decodeToken,
  encodeToken,
  parseConnectionName,
  subjects,
} from '../../../src/bus/subjects.ts';
import type { Incarnation } from '../../../src/core/identity.ts';

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console', logGroup: 'ec_log' };
const incarnation = fc.stringMatching(/^[0-9a-f]{32}$/).map((hex) => hex as Incarnation);
const anyName = fc.string({ minLength: 1, unit: 'grapheme' });

describe('subjects', () => {
  it('BUS-27 always: an encoded name is one token without wildcards, blanks and control characters, and comes back', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(encodeToken(name)).toMatch(/^[\x21-\x7e]+$/);
        expect(encodeToken(name)).not.toMatch(/[.*>]/);
        expect(decodeToken(encodeToken(name))).toBe(name);
      }),
    );
  });

  it('BUS-27 always: two names give two tokens', () => {
    fc.assert(fc.property(anyName, anyName, (a, b) => (a === b) === (encodeToken(a) === encodeToken(b))));
  });

  it('BUS-21 always: a connection name gives link and incarnation back, and other names give nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom('m' as const, 's' as const), incarnation, (link, incarnation) => {
        expect(parseConnectionName(connectionName(link, 'relay-1.example', incarnation))).toEqual({
          link,
          incarnation,
        });
      }),
    );
    for (const name of ['', 'flotilla', 'flotilla m relay-1 123', `flotilla x relay-1 ${'a'.repeat(32)}`]) {
      expect(parseConnectionName(name)).toBeUndefined();
    }
  });

  it('ID-17 always: no subscription of connection m matches bulk data', () => {
    const own = 'a'.repeat(32) as Incarnation;
    const patternsOfM = [
      subjects.allViews(groups),
      subjects.privateViews(groups, own),
      subjects.control(groups),
      subjects.controlNode(groups, 'relay-1'),
      subjects.controlSubcluster(groups, 'default'),
    ];
    fc.assert(
      fc.property(anyName, incarnation, (object, to) => {
        for (const subject of [subjects.shared(groups, object), subjects.privateShared(groups, to)]) {
          expect(patternsOfM.some((pattern) => matches(pattern, subject))).toBe(false);
        }
        expect(matches(subjects.allViews(groups), subjects.views(groups, 'beat'))).toBe(true);
        expect(matches(subjects.allShared(groups), subjects.shared(groups, object))).toBe(true);
      }),
    );
  });

  it('docs/reference/subjects.md lists each of them', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/reference/subjects.md'), 'utf8');
    const life = 'INC' as Incarnation;
    const written: Record<keyof typeof subjects, string> = {
      views: subjects.views(groups, 'KIND'),
      allViews: subjects.allViews(groups),
      shared: subjects.shared(groups, 'OBJECT'),
      allShared: subjects.allShared(groups),
      privateViews: subjects.privateViews(groups, life),
      privateShared: subjects.privateShared(groups, life),
      control: subjects.control(groups),
      controlNode: subjects.controlNode(groups, 'NODE'),
      controlSubcluster: subjects.controlSubcluster(groups, 'SUBCLUSTER'),
      paniclog: subjects.paniclog(groups.logGroup, 'NODE'),
      allConnects: subjects.allConnects(),
      allDisconnects: subjects.allDisconnects(),
      discovery: subjects.discovery('STATS'),
    };
    expect(Object.keys(written).sort()).toEqual(Object.keys(subjects).sort());
    for (const subject of Object.values(written)) expect(text).toContain(`\`${subject}\``);
  });
});

function matches(pattern: string, subject: string): boolean {
  const [wanted, given] = [pattern.split('.'), subject.split('.')];
  return wanted.length === given.length && wanted.every((token, i) => token === '*' || token === given[i]);
}
