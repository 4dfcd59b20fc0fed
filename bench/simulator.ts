/** P10: how much faster than real time the simulator runs whole clusters, with traffic and faults. */
import { simulate } from '../test/sim/simulation.ts';
import type { Benchmark, Figure } from './report.ts';

const sizes = [3, 5, 8];
const runs = 40;

async function speedWith(nodes: number): Promise<number> {
  for (let seed = 900; seed < 905; seed++) await simulate(seed, { nodes });
  const startedMs = performance.now();
  let simulatedMs = 0;
  for (let seed = 1; seed <= runs; seed++) simulatedMs += (await simulate(seed, { nodes })).simulatedMs;
  return simulatedMs / (performance.now() - startedMs);
}

export const simulatorBenchmark: Benchmark = {
  name: 'simulator',
  goals: ['P10'],
  about: `${runs} simulated runs of a minute with 3, 5 and 8 nodes`,
  meaning: 'simulated time in each second of one core, over 40 seeds with traffic and faults.',
  run: async () => {
    const figures: Figure[] = [];
    for (const nodes of sizes)
      figures.push({
        goal: 'P10',
        what: 'simulation speed, one core',
        size: `${nodes} nodes`,
        value: await speedWith(nodes),
        unit: 'times real time',
        better: 'more',
        ...(nodes === 8 && { target: { value: 1000 } }),
      });
    return figures;
  },
};
