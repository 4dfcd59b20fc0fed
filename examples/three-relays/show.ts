/**
 * What the audience sees, in order: what runs where, the sums every few seconds, a node killed and started again, a
 * summary. Everything it claims has been checked the moment before.
 */
import { Checker } from './check.ts';
import type { Fleet } from './fleet.ts';
import type { Relay } from './relay.ts';
import { counted, indented, milliseconds, seconds, verdict } from './screen.ts';
import { describeFleet, describeKill, describeSummary, type Kill } from './story.ts';
import { timeline } from './timeline.ts';
import { kernelSockets, totalOf } from './truth.ts';
import { sleep, until } from './until.ts';

/** Netblocks and the busiest addresses: all rows would fill the screen. */
const shownCommand = 'cluster shared show inbound_cidr min 3';
/** The server's advisory takes milliseconds and silence takes a second, so by then something is wrong. */
const goneLimitMs = 2_000;

type Started = Fleet & Required<Pick<Fleet, 'bus' | 'clients'>>;

export class Show {
  readonly #fleet: Fleet;
  readonly #signal: AbortSignal;
  #act: Act | undefined;

  constructor(fleet: Fleet, signal: AbortSignal) {
    this.#fleet = fleet;
    this.#signal = signal;
  }

  async start(): Promise<void> {
    const beginMs = performance.now();
    const fleet = await this.#fleet.start();
    say(`\nThree relays on this machine, up after ${seconds(performance.now() - beginMs)}.\n\n`);
    say(describeFleet(fleet));
    this.#act = new Act(fleet, this.#signal);
  }
}
