/** Verbs that limit: throttles, slots, and what an outbound connection or message may do. */
import { defaultEpsilon } from '../core/throttle/shared-throttles.ts';
import { partitionPolicies } from '../core/throttle/shares.ts';
import { either, given, list, name, number, oneOf, optional, whole } from './api-fields.ts';
import { type Verbs, verb } from './api-verb.ts';
import type { ThrottleDecision } from './throttles.ts';

/** A day: what is held longer than that is no slot, and a client that died must not keep it. */
const longestHoldS = 86_400;
const maxAddresses = 64;

const rate = either(name, whole(0));
const partition = optional(oneOf(partitionPolicies), undefined);
const throttle = { name, rate, epsilon: optional(number, defaultEpsilon), partition };
const localThrottle = { name, rate };
const holdS = optional(whole(1, longestHoldS), 60);
const attempt = { binding: name, domain: name, group: optional(name, undefined) };
const host = optional(name, undefined);
const connection = { ...attempt, host, address: name };
const unit = '`taken`; `waitMs`: 0, or how long until there may be one';

/** A unit that nobody hears of is given back. */
async function taken(decision: Promise<ThrottleDecision>, signal: AbortSignal) {
  const { waitMs, giveBack } = await decision;
  if (signal.aborted) giveBack();
  return { taken: waitMs === 0, waitMs };
}

export const limitVerbs: Verbs = {
  'throttle.take': verb(
    'Takes a unit of a throttle of the whole cluster',
    throttle,
    unit,
    ({ throttles: { shared } }, { name, rate, ...options }, signal) => {
      shared.create(name, rate, given(options));
      return taken(shared.take(name), signal);
    },
  ),
  'throttle.check': verb(
    'Whether more is used than there is in this window; meant for after `throttle.increment`',
    throttle,
    '`isOver`',
    async ({ throttles: { shared } }, { name, rate, ...options }) => {
      shared.create(name, rate, given(options));
      return { isOver: await shared.check(name) };
    },
  ),
  'throttle.increment': verb(
    'Uses a unit of a throttle of the whole cluster, also when there is none',
    throttle,
    '',
    ({ throttles: { shared } }, { name, rate, ...options }) => {
      shared.create(name, rate, given(options));
      shared.increment(name);
      return {};
    },
  ),
  'local_throttle.check': verb(
    'The same of a throttle of this node alone',
    localThrottle,
    '`isOver`',
    ({ throttles: { local } }, { name, rate }) => {
      local.create(name, rate);
      return { isOver: local.check(name) };
    },
  ),
  'local_throttle.increment': verb(
    'Uses a unit of a throttle of this node alone, also when there is none',
    localThrottle,
    '`isOver`',
    ({ throttles: { local } }, { name, rate }) => {
      local.create(name, rate);
      local.increment(name);
      return { isOver: local.check(name) };
    },
  ),
  'local_throttle.decrement': verb(
    'Takes one use back, not below zero',
    localThrottle,
    '`isOver`',
    ({ throttles: { local } }, { name, rate }) => {
      local.create(name, rate);
      local.decrement(name);
      return { isOver: local.check(name) };
    },
  ),

  'slot.take': verb(
    'Takes one of `count` slots that the whole cluster has under this name, for `holdS` seconds',
    { name, count: whole(1), partition, holdS },
    '`slot`: its id, or null when all are held',
    async ({ throttles, slots }, { name, count, partition, holdS }, signal) => {
      throttles.slots.create(name, count, given({ partition }));
      const slot = await throttles.slots.take(name);
      if (signal.aborted) slot?.giveBack();
      return { slot: slot && !signal.aborted ? slots.hold(slot, holdS) : null };
    },
  ),
  'slot.extend': verb(
    'Holds a slot that this node gave out for `holdS` seconds from now',
    { slot: name, holdS },
    '',
    ({ slots }, { slot, holdS }) => {
      slots.extend(slot, holdS);
      return {};
    },
  ),
  'slot.give_back': verb(
    'Gives a slot back to the node that gave it out',
    { slot: name },
    '',
    (host, { slot }) => {
      host.slots.giveBack(slot);
      return {};
    },
  ),

  'outbound.may_connect': verb(
    'Whether an outbound connection may be opened now; nothing is counted',
    { ...attempt, host, ips: optional(list(name, maxAddresses), undefined) },
    '`allowed`; where it is not: `limit` that is reached, its `value`, the `count`, and the stanza in `scope`',
    ({ node }, asked) => ({ ...node.mayConnect(given(asked)) }),
  ),
  'outbound.open': verb(
    'Counts an outbound connection that may be opened, with a slot of the cluster for each cap in `strict_connection_caps`; for `holdS` seconds, `slot.extend` for longer, `slot.give_back` when its socket is closed',
    { ...connection, holdS },
    '`allowed`, with its `slot`; or, where it is not, as `outbound.may_connect`',
    async ({ node, slots }, { holdS, ...wanted }, signal) => {
      const opening = await node.openOutbound(given(wanted));
      if (!opening.allowed) return { ...opening };
      if (signal.aborted) opening.close();
      return { allowed: true, slot: signal.aborted ? null : slots.hold({ giveBack: opening.close }, holdS) };
    },
  ),
  'outbound.opened': verb(
    'Counts an outbound connection, from the moment it is initiated',
    connection,
    '',
    ({ node }, opened) => {
      node.outboundOpened(given(opened));
      return {};
    },
  ),
  'outbound.closed': verb(
    'Counts it no more; ask the node that counted it, with the same fields',
    connection,
    '`closed`: false when no such connection was open',
    ({ node }, closed) => ({ closed: node.outboundClosed(given(closed)) }),
  ),
  'outbound.take_message': verb(
    'Takes a unit of the throttles that the configuration has for messages',
    attempt,
    unit,
    ({ throttles }, asked, signal) => taken(throttles.takeMessage(given(asked)), signal),
  ),
  'outbound.take_connection': verb(
    'Takes a unit of the throttles that the configuration has for connections',
    attempt,
    unit,
    ({ throttles }, asked, signal) => taken(throttles.takeConnection(given(asked)), signal),
  ),
};
