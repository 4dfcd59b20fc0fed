/**
 * The verbs of the API over NATS: the operations of shared objects as programs have them, one entry each, with what the
 * reference page says about it. What belongs to the node's host is not for others: series that are written to its disk are
 * not made over NATS, and databases are not asked.
 */
import type { ApiHandler } from '../bus/api-server.ts';
import { maxTtlMs, ttlMsOf } from '../core/cache/ttl.ts';
import { FlotillaError } from '../core/errors.ts';
import { replicateModes, seriesTypes } from '../core/series/audit-series.ts';
import { auditEvents } from '../core/series/inbound-audit.ts';
import { either, flag, name, number, oneOf, optional, text, whole, wrong } from './api-fields.ts';
import { limitVerbs } from './api-limit-verbs.ts';
import { type ApiHost, type Verbs, verb } from './api-verb.ts';

const by = optional(whole(0), 1);
const counter = { object: name, key: name };
const event = oneOf(auditEvents);
const pair = { cache: name, key: name };
const ttl = optional(either(name, whole(0, maxTtlMs / 1000)), 0);
const gauge = { name, key: name };

export const apiVerbs: Verbs = {
  'counter.add': verb(
    "Adds to this node's count of a key",
    { ...counter, by },
    '`count`: over all nodes',
    ({ node }, { object, key, by }) => ({ count: node.shared(object).increment(key, by) }),
  ),
  'counter.subtract': verb(
    "Takes from this node's count of a key, not below zero",
    { ...counter, by },
    '`count`: over all nodes',
    ({ node }, { object, key, by }) => {
      node.shared(object).decrement(key, by);
      return { count: node.shared(object).count(key) };
    },
  ),
  'counter.set': verb(
    "Sets this node's count of a key",
    { ...counter, count: whole(0) },
    '`count`: over all nodes',
    ({ node }, { object, key, count }) => {
      node.shared(object).set(key, count);
      return { count: node.shared(object).count(key) };
    },
  ),
  'counter.count': verb(
    'The count of a key, or the sum under a prefix as `10.0.0.0/8`: over all nodes, or of the one named in `from`',
    { ...counter, from: optional(name, undefined) },
    '`count`',
    ({ node }, { object, key, from }) => ({
      count: node.shared(object).count(key, from === undefined ? {} : { from }),
    }),
  ),

  ...limitVerbs,

  'series.define': verb(
    'Makes a series of `windows` windows of `intervalS` seconds; a second time it does nothing',
    {
      name,
      type: oneOf(seriesTypes),
      intervalS: whole(1),
      windows: whole(1),
      replicate: optional(oneOf(replicateModes), 'none'),
    },
    '',
    ({ node: { series } }, { name, type, intervalS, windows, replicate }) => {
      series.define(name, type, intervalS, windows, { replicate });
      return {};
    },
  ),
  'series.add': verb(
    'Adds to the current window of a series',
    { name, key: name, count: optional(number, 1) },
    '',
    ({ node: { series } }, { name, key, count }) => {
      series.add(name, { key, count });
      return {};
    },
  ),
  'series.sum': verb(
    'The sum over windows `startv`, 0 being the current one, to `endv`, which is `startv` when left out',
    { name, key: name, startv: optional(whole(0), 0), endv: optional(whole(0), undefined) },
    '`sum`',
    ({ node: { series } }, { name, key, startv, endv = startv }) => ({
      sum: series.count(name, { key, startv, endv }),
    }),
  ),
  'series.remove': verb(
    'Takes a key out of all windows, at all nodes',
    { name, key: name },
    '`removed`',
    ({ node: { series } }, { name, key }) => ({ removed: series.remove(name, key) }),
  ),

  'audit.count': verb(
    'Counts events of a remote address',
    { event, address: name, by },
    '',
    ({ node: { audit } }, { event, address, by }) => {
      audit.count(event, address, by);
      return {};
    },
  ),
  'audit.sum': verb(
    'The exact sum over windows `startv`, 0 being the current one, to `endv`, which is `startv` when left out',
    {
      event,
      monitor: name,
      cidr: name,
      startv: optional(whole(0), 0),
      endv: optional(whole(0), undefined),
      cluster: optional(flag, false),
    },
    '`sum`: of this node, or with `cluster` over all',
    ({ node: { audit } }, { event, monitor, cidr, startv, endv = startv, cluster }) => ({
      sum: audit.audit(event, monitor, { cidr, startv, endv, cluster }),
    }),
  ),
  'audit.smoothed': verb(
    'About how many there were in the last seconds, as many as a window of the monitor at this place of the configuration has',
    {
      event,
      address: name,
      index: whole(0),
      mask: optional(whole(0, 128), undefined),
      cluster: optional(flag, false),
    },
    '`sum`: of this node, or with `cluster` over all',
    ({ node: { audit } }, { event, address, index, mask, cluster }) => ({
      sum: audit.smoothed(event, address, index, mask, cluster),
    }),
  ),

  'session.count': verb(
    'Sessions that are open now: of a service (`SMTP`, `ECStream`, `Control`, `ECmmove2`, `ECCluster`, or `inbound_cidr` for SMTP in the whole cluster), or of the front listener `host:port`',
    { cidr: name, service: optional(name, 'SMTP'), listener: optional(name, undefined) },
    '`count`',
    ({ node: { sessions } }, { cidr, service, listener }) => ({
      count: listener === undefined ? sessions.count(service, cidr) : sessions.countOn(listener, cidr),
    }),
  ),

  'gauge.define': verb(
    'Makes a gauge cache of at most `max` keys that expire `ttlS` seconds after their last change; a second time it does nothing',
    { name, max: whole(1), ttlS: whole(0), replicated: optional(flag, true) },
    '',
    ({ node: { gauges } }, { name, max, ttlS, replicated }) => {
      gauges.define(name, max, ttlS, replicated);
      return {};
    },
  ),
  'gauge.add': verb(
    'Adds to a key, which begins at 0; a negative number takes away',
    { ...gauge, by: optional(number, 1) },
    '`value`: over all nodes',
    ({ node: { gauges } }, { name, key, by }) => ({ value: gauges.increment(name, key, by) }),
  ),
  'gauge.get': verb(
    'The value of a key',
    gauge,
    '`value`: null when there is none',
    ({ node: { gauges } }, { name, key }) => ({
      value: gauges.get(name, key) ?? null,
    }),
  ),
  'gauge.remove': verb('Removes a key', gauge, '`removed`', ({ node: { gauges } }, { name, key }) => ({
    removed: gauges.remove(name, key),
  })),

  'cache.get': verb(
    'The value of a key',
    pair,
    '`value`: null when there is none; `ttlMs`: time left, 0 for ever, null when there is none',
    ({ caches }, { cache, key }) => {
      const keys = caches.keySpace(cache);
      return { value: keys.get(key) ?? null, ttlMs: keys.ttlMs(key) ?? null };
    },
  ),
  'cache.set': verb(
    'Stores a pair on every node; `only` says when: for a key that is `absent` (as NX of Redis) or `present`',
    { ...pair, value: text, ttl, only: optional(oneOf(['absent', 'present'] as const), undefined) },
    '`stored`: false when `only` forbids it',
    ({ caches }, { cache, key, value, ttl, only }) => ({
      stored: caches.keySpace(cache).set(key, value, { ttlMs: ttlMsOf(String(ttl)), only }),
    }),
  ),
  'cache.delete': verb('Deletes a pair on every node', pair, '`deleted`', ({ caches }, { cache, key }) => ({
    deleted: caches.delete(cache, key),
  })),
  'cache.add': verb(
    'Adds to a number that all nodes count together; `ttl` holds for a key that is not there yet',
    { ...pair, by: optional(whole(-Number.MAX_SAFE_INTEGER), 1), ttl },
    '`value`',
    ({ caches }, { cache, key, by, ttl }) => ({
      value:
        caches.add(cache, key, by, ttl) ??
        wrong('key', 'has a value that is no whole number, or would be none'),
    }),
  ),
  'cache.stats': verb('Figures of all caches of this node', {}, '`caches`', ({ caches }) => ({
    caches: caches.counts().map(({ kind, name, counts }) => ({ kind, name, ...counts })),
  })),
};

export function apiHandler(host: ApiHost): ApiHandler {
  return (asked, sent, signal) => {
    const verb = Object.hasOwn(apiVerbs, asked) ? apiVerbs[asked] : undefined;
    if (!verb) throw new FlotillaError('FLT-2102', `'${asked.slice(0, 64)}'`);
    return verb.run(host, sent, signal);
  };
}
