/** What limits: slots, throttles, and the sockets for Redis clients, at three sizes each. */
import { decisionFigures } from './decisions.ts';
import { redisFigures } from './redis-clients.ts';
import type { Benchmark } from './report.ts';
import { slotFigures } from './slots.ts';

export const limitersBenchmark: Benchmark = {
  name: 'limiters',
  goals: ['R4'],
  about: 'slots handed from node to node, throttles, and Redis clients of a node beside a redis-server',
  meaning:
    'whole nodes in processes of their own on one nats-server. A slot of a limit of two is given back on one node ' +
    'while another waits: from the one call to the answer of the other, giver, waiter and keeper of the account ' +
    'changing. Reference: KumoMTA asks again each 3 s. Redis clients: ioredis over TCP on loopback, one command at a ' +
    'time and in pipelines of 500, on keys that are there, the same against a redis-server of Debian without ' +
    'persistence; that has no CL.THROTTLE, beside which stands the script of rate-limiter-flexible on Redis. ' +
    'Throttles: decisions in the process that asks, of so many throttles any; many at a time are 1,000 under way. ' +
    'In a cluster a shared throttle asks the node that keeps its account.',
  run: async () => [...(await slotFigures()), ...(await decisionFigures()), ...(await redisFigures())],
};
