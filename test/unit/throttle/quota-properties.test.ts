/**
 * Whatever is lost, repeated, late or out of order, whoever comes and goes: never more than N units of a window are
 * allowed, and when messages get through again everybody who waits is served as long as something is left.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRate, unitsIn, windowAt, windowStartMs } from '../../../src/core/throttle/rate.ts';
import { Network, type Node } from './network.ts';

type Step =
  | {
      readonly do: 'take' | 'tarpit' | 'use';
      readonly node: number;
      readonly id: number;
      readonly times: number;
    }
  | { readonly do: 'tick' | 'install' | 'kill' | 'remake'; readonly node: number }
  | { readonly do: 'keeper'; readonly rank: 'holder' | 'deputy'; readonly id: number }
  | { readonly do: 'deliver' | 'lose' | 'repeat'; readonly index: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'settle' | 'view' | 'join' };

const ids = ['a', 'b'];
const node = fc.nat(5);
const id = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('take', 'take', 'tarpit', 'use'),
      node,
      id,
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('deliver'), index: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('lose', 'repeat'), index: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('tick', 'install'), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('kill', 'remake'), node }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('keeper'), rank: fc.constantFrom('holder', 'deputy'), id }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(50, 110, 400, 1000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('settle', 'settle', 'settle', 'view', 'join') }) },
);

interface Play {
  readonly rate: string;
  readonly epsilon: number;
  readonly skewsMs: readonly number[];
  readonly steps: readonly Step[];
}

const play: fc.Arbitrary<Play> = fc.record({
  rate: fc.constantFrom('1/60', '3/60', '20/60', '5/1', '7/2', '7/4,burst=2'),
  epsilon: fc.constantFrom(0.1, 0.5, 0.95),
  skewsMs: fc.array(fc.integer({ min: -900, max: 900 }), { minLength: 2, maxLength: 5 }),
  steps: fc.array(step, { maxLength: 150 }),
});

class Player {
  readonly network = new Network(0);
  readonly #play: Play;
  readonly #killsAnytime: boolean;

  constructor(play: Play, killsAnytime: boolean) {
    this.#play = play;
    this.#killsAnytime = killsAnytime;
    for (const skewMs of play.skewsMs) this.#join(skewMs);
    this.network.propose();
    this.network.settle();
  }

  run(): Network {
    for (const step of this.#play.steps) this.#do(step);
    return this.network;
  }

  #do(step: Step): void {
    const { network } = this;
    switch (step.do) {
      case 'take':
      case 'tarpit':
      case 'use':
        this.#call(step.do, this.#at(step.node), ids[step.id]!, step.times);
        break;
      case 'tick':
        this.#at(step.node).throttles.tick();
        break;
      case 'install':
        this.#at(step.node).install();
        break;
      case 'kill':
        this.#kill(this.#at(step.node));
        break;
      case 'keeper':
        if (network.nodes.length > 1) this.#kill(network.keeper(ids[step.id]!, step.rank));
        break;
      case 'remake':
        this.#remake(this.#at(step.node));
        break;
      case 'deliver':
      case 'lose':
      case 'repeat':
        network[step.do](step.index);
        break;
      case 'pass':
        network.nowMs += step.ms;
        break;
      case 'settle':
        network.settle();
        break;
      case 'view':
        network.propose();
        break;
      case 'join':
        if (network.nodes.length < 6 && network.all.length < 12) {
          this.#join(0);
          network.propose();
          network.nodes.at(-1)!.install();
        }
    }
  }

  #call(call: 'take' | 'tarpit' | 'use', node: Node, id: string, times: number): void {
    // One that has not joined yet counts for itself, which is another chain of views.
    if (!node.view) return;
    for (let i = 0; i < times; i++) {
      if (!node.throttles.has(id)) this.#create(node, id);
      if (call === 'use') node.use(id, windowAt(node.throttles.rate(id)!, node.wallMs));
      else node[call](id);
    }
  }

  /** After a second loss in a row units of the dead may be forgotten, so the next one waits until all have reported. */
  #kill(node: Node): void {
    const { network } = this;
    if (network.nodes.length < 2 || !(this.#killsAnytime || network.isSettled)) return;
    network.kill(node);
    network.propose();
  }

  #join(skewMs: number): void {
    const node = this.network.add({ skewMs, capacity: 2 });
    for (const id of ids) this.#create(node, id);
  }

  /** There is room for two throttles: one nobody waits for goes and comes back. */
  #remake(node: Node): void {
    const { evictions } = node.throttles.stats;
    try {
      node.create('c', '1');
    } catch {
      expect(node.throttles.stats.evictions).toBe(evictions);
      return;
    }
    for (const id of ids) this.#create(node, id);
  }

  #create(node: Node, id: string): void {
    node.create(id, this.#play.rate, this.#play.epsilon);
  }

  #at(index: number): Node {
    const { nodes } = this.network;
    return nodes[index % nodes.length]!;
  }
}

const runs = { numRuns: 1500 };

describe('quotas over a bad network', () => {
  it('REP-7.19 REP-22.6 never more than N of a window are allowed, also when the holder is lost', () => {
    fc.assert(
      fc.property(play, (play) => {
        const network = new Player(play, false).run();
        const rate = parseRate(play.rate)!;
        const units = rate.burst ?? rate.units;
        for (const id of ids) expect(network.most(id)).toBeLessThanOrEqual(units);
        network.settle();
        network.pass(1000);
        for (const id of ids) expect(network.most(id)).toBeLessThanOrEqual(units);
      }),
      runs,
    );
  });

  it('REP-7.20 the living were never allowed more than N of a window, whoever is lost', () => {
    fc.assert(
      fc.property(play, (play) => {
        const network = new Player(play, true).run();
        network.settle();
        network.pass(1000);
        for (const id of ids)
          expect(network.most(id, network.nodes)).toBeLessThanOrEqual(Number.parseInt(play.rate, 10));
      }),
      runs,
    );
  });

  it('REP-7.18 REP-22.8 when messages get through again, all N of a window are had by those who want them', () => {
    fc.assert(
      fc.property(play, (play) => {
        const network = new Player({ ...play, skewsMs: play.skewsMs.map(() => 0) }, true).run();
        network.settle();
        network.pass(1000);
        const rate = parseRate(play.rate)!;
        // Past the windows of those who still wait.
        network.pass(windowStartMs(rate, windowAt(rate, network.nowMs) + 1) - network.nowMs);
        for (let i = 0; i < 20; i++) network.pass(rate.windowS > 2 ? 60_000 : rate.windowS * 1000);
        const window = windowAt(rate, network.nowMs);
        const [first] = network.nodes;
        if (!first!.throttles.has('a')) first!.create('a', play.rate);
        for (let i = 0; i < 30; i++) first!.take('a');
        network.pass(900);
        expect(network.allowed('a').get(window)).toBe(unitsIn(rate, window));
        expect(network.nodes.every(({ throttles }) => throttles.stats.waiting === 0)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
