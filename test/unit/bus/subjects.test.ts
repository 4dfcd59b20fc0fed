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
import { incarnation } from './arbitrary-messages.ts';

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console', logGroup: 'ec_log' };
const self = 'ab'.repeat(16) as Incarnation;
const anyName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const nastyName = fc
  .array(fc.constantFrom('.', '*', '>', ' ', '%', '\0', '\n', 'a', 'ß', '%2E'), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

describe('subject tokens', () => {
  it('BUS-27 always: any name becomes one token of printable characters and comes out again', () => {
    fc.assert(
      fc.property(fc.oneof(anyName, nastyName), (name) => {
        const token = encodeToken(name);
        expect(token).toMatch(/^[!-~]+$/);
        expect(token).not.toMatch(/[.*>]/);
        expect(decodeToken(token)).toBe(name);
      }),
      { numRuns: 1_000 },
    );
  });

  it('BUS-27 always: different names have different tokens', () => {
    fc.assert(
      fc.property(nastyName, nastyName, (a, b) => {
        expect(encodeToken(a) === encodeToken(b)).toBe(a === b);
      }),
    );
  });

  it('BUS-27 the percent sign is encoded, too, so that a name that looks encoded stays itself', () => {
    expect(['mx.example.com', 'a b', '100%', '%2E', 'ü'].map(encodeToken)).toEqual([
      'mx%2Eexample%2Ecom',
      'a%20b',
      '100%25',
      '%252E',
      '%C3%BC',
    ]);
  });
});

describe('subjects', () => {
  it('GRP-2 the whole list for the default groups', () => {
    expect([
      subjects.views(groups, 'beat'),
      subjects.allViews(groups),
      subjects.shared(groups, 'inbound_cidr'),
      subjects.allShared(groups),
      subjects.privateViews(groups, self),
      subjects.privateShared(groups, self),
      subjects.control(groups),
      subjects.controlNode(groups, 'mx.example.com'),
      subjects.controlSubcluster(groups, 'default'),
      subjects.api(groups, 'mx.example.com', 'cache.get'),
      subjects.paniclog('ec_log', 'relay-1'),
    ]).toEqual([
      'ec_cluster.view.beat',
      'ec_cluster.view.*',
      'ec_cluster.shared.inbound_cidr',
      'ec_cluster.shared.*',
      `ec_cluster.to.${self}.view`,
      `ec_cluster.to.${self}.shared`,
      'ec_console',
      'ec_console.node.mx%2Eexample%2Ecom',
      'ec_console.sc.default',
      'ec_cluster.api.mx%2Eexample%2Ecom.cache.get',
      'ec_log.relay-1',
    ]);
  });
});

describe('connection names', () => {
  it('BUS-21 always: a connection name tells link and incarnation, so that an advisory can be attributed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('m' as const, 's' as const),
        fc.stringMatching(/^[a-z0-9._-]{1,63}$/),
        incarnation,
        (link, node, life) => {
          expect(parseConnectionName(connectionName(link, node, life))).toEqual({ link, incarnation: life });
        },
      ),
    );
  });

  it('BUS-21 names of other clients are none of ours', () => {
    for (const name of [
      '',
      'NATS CLI',
      `flotilla x relay-1 ${self}`,
      `flotilla m relay-1 ${self}0`,
      `my flotilla m relay-1 ${self}`,
    ]) {
      expect(parseConnectionName(name)).toBeUndefined();
    }
  });
});
