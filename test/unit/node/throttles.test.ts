/** Named throttles and slots of programs, on the smaller side of a cluster that was cut in two. */
import { expect, it } from 'vitest';
import { ActorSystem } from '../../../src/actors/system.ts';
import type { ThrottleReplica } from '../../../src/actors/throttle-replica.ts';
import type { PartitionPolicy } from '../../../src/core/throttle/shares.ts';
import { Throttles } from '../../../src/node/throttles.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';
import { Network, type Node } from '../throttle/network.ts';

const inbound = { global: undefined, byPathway: new Map() };

function cutOff(partition: PartitionPolicy): Throttles {
  const network = new Network(3);
  const [, , lone] = network.nodes as [Node, Node, Node];
  network.propose([lone]);
  lone.install();
  // Of the window in which the others were lost there is nothing.
  network.nowMs += 60_000;
  const { log, counters } = new Recorder();
  const around = { clock: new VirtualClock(), random: new SeededRandom(1), log, counters };
  return new Throttles({
    around,
    system: new ActorSystem(around),
    maxNamed: 100,
    stanzas: [],
    inbound,
    partition,
    groupOf: () => 'default',
    replica: () => ({ throttles: lone.throttles }) as ThrottleReplica,
  });
}

async function had(throttles: Throttles, name: string): Promise<number> {
  let units = 0;
  for (let i = 0; i < 4; i++) if ((await throttles.shared.take(name)).waitMs === 0) units++;
  return units;
}

it('REP-21.7 named throttles have the policy of the configuration, unless the program says another', async () => {
  const throttles = cutOff('closed');
  throttles.shared.create('a', '3/60');
  throttles.shared.create('b', '3/60', { partition: 'open' });
  expect([await had(throttles, 'a'), await had(throttles, 'b')]).toEqual([0, 3]);
  throttles.configure({ throttles: [], inboundThrottles: inbound, partition: 'share' });
  throttles.shared.create('c', '3/60');
  expect([await had(throttles, 'a'), await had(throttles, 'c')]).toEqual([0, 1]);
});

it('REP-21.7 and so do slots', async () => {
  const throttles = cutOff('closed');
  throttles.slots.create('a', 3);
  throttles.slots.create('b', 3, { partition: 'open' });
  expect(await throttles.slots.take('a')).toBeUndefined();
  expect(await throttles.slots.take('b')).toBeDefined();
});
