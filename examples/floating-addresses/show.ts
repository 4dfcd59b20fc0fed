/**
 * What happens before the audience: one node after the other is lost, each time in another way, and comes back. Each
 * time the picture shows who answered on each address, as a client saw it.
 */
import { counted, seconds, timed } from '../three-relays/screen.ts';
import { sleep, until } from '../three-relays/until.ts';
import { type Fault, faults } from './faults.ts';
import type { RunningFleet } from './fleet.ts';
import type { Machine } from './machine.ts';
import { picture, shares } from './picture.ts';
import { type Blow, summary } from './summary.ts';
import type { Look } from './truth.ts';

/** Time to read. */
const pauseMs = 2_000;
/** How long the client is watched before and after, so that the picture shows what is usual, too. */
const contextMs = 200;
/** No fault begins when there is less left: loss, takeover, return, and the pauses between. */
const faultTakesMs = 10_000;
/** The slowest takes a bit more than a second; by then something is wrong. */
const servedLimitMs = 20_000;

export class Show {
  readonly #fleet: RunningFleet;
  readonly #signal: AbortSignal;
  readonly #startMs = performance.now();
  readonly #blows: Blow[] = [];
  readonly #problems: string[] = [];
  #checks = 0;

  constructor(fleet: RunningFleet, signal: AbortSignal) {
    this.#fleet = fleet;
    this.#signal = signal;
  }

  /** Throws the reason of the signal when it is stopped before its time. */
  async run(durationMs = Number.POSITIVE_INFINITY): Promise<void> {
    const endMs = this.#startMs + durationMs;
    await this.#open();
    for (let turn = 0; performance.now() + faultTakesMs <= endMs; turn++) {
      const fault = faults[turn % faults.length]!;
      // Two consecutive numbers have no common factor: in time everybody meets everything.
      const victim = this.#fleet.machines[(turn + 1) % this.#fleet.machines.length]!;
      await sleep(pauseMs, this.#signal);
      const blow = await this.#lose(fault, victim);
      const at = this.#blows.push(blow) - 1;
      await sleep(pauseMs, this.#signal);
      this.#blows[at] = { ...blow, back: await this.#bringBack(fault, victim) };
    }
    await sleep(endMs - performance.now(), this.#signal);
  }

  async summary(): Promise<{ text: string; hasFailed: boolean }> {
    return summary({
      client: this.#fleet.client,
      blows: this.#blows,
      checks: this.#checks,
      problems: this.#problems,
      durationMs: performance.now() - this.#startMs,
    });
  }

  async #open(): Promise<void> {
    const [first] = this.#fleet.machines;
    const command = `cluster duravip show ${this.#fleet.ips[0]}`;
    const answer = await first!.ask(command);
    const { holders } = await this.#served();
    this.#say(`${this.#shares(holders)}${first!.name}> ${command}\n${answer?.text ?? 'no answer'}`);
  }

  async #lose(fault: Fault, victim: Machine): Promise<Blow> {
    const { ips } = this.#fleet;
    const owned = this.#ownedBy(victim);
    this.#say(`${fault.announce(victim)}. It owns ${counted(owned.length, 'address', 'addresses')}.`);
    const fromMs = await this.#beginWatching();
    // Others take over while it stops, so that is not waited for first.
    const struck = fault.strike(victim);
    const { holders } = await this.#served();
    await struck;
    const seen = await this.#endWatching();
    const hasMoved = (by: string) => by !== victim.name;
    this.#say(`${picture({ ips, moved: owned, seen, fromMs, hasMoved })}${this.#shares(holders)}`);
    const others = ips.filter((ip) => !owned.includes(ip));
    return {
      fault: fault.name,
      gapsMs: owned.map((ip) => seen.get(ip)!.gapMs),
      othersGapMs: Math.max(0, ...others.map((ip) => seen.get(ip)!.gapMs)),
      back: undefined,
    };
  }

  async #bringBack(fault: Fault, victim: Machine): Promise<Blow['back']> {
    const { ips } = this.#fleet;
    this.#say(`${fault.announceEnd(victim)}.`);
    const fromMs = await this.#beginWatching();
    const startMs = performance.now();
    fault.end(victim);
    const { holders } = await this.#served();
    const afterMs = performance.now() - startMs;
    const seen = await this.#endWatching();
    const moved = this.#ownedBy(victim);
    const hasMoved = (by: string) => by === victim.name;
    this.#say(
      `${victim.name} has its share again, after ${seconds(afterMs)}.\n${picture({ ips, moved, seen, fromMs, hasMoved })}${this.#shares(holders)}`,
    );
    return { afterMs, gapMs: Math.max(0, ...moved.map((ip) => seen.get(ip)!.gapMs)) };
  }

  /** The time from which on everything is seen. */
  async #beginWatching(): Promise<number> {
    await this.#fleet.client.begin();
    const fromMs = Date.now();
    await sleep(contextMs, this.#signal);
    return fromMs;
  }

  async #endWatching(): Promise<Look['seen']> {
    await sleep(contextMs, this.#signal);
    return await this.#fleet.client.look();
  }

  /** Waits until all is as it should be; says so when it never is. */
  async #served(): Promise<Look> {
    const { truth } = this.#fleet;
    let look = await truth.look();
    const isServed = async () => {
      look = await truth.look();
      return look.problem === undefined;
    };
    this.#checks += 1;
    if (await until(isServed, { limitMs: servedLimitMs, everyMs: 30, signal: this.#signal })) return look;
    const problem = `${look.problem} (still after ${servedLimitMs / 1000} s)`;
    this.#problems.push(problem);
    this.#say(`WRONG: ${problem}`);
    return look;
  }

  #ownedBy(machine: Machine): readonly string[] {
    const plumbed = machine.plumbed();
    return this.#fleet.ips.filter((ip) => plumbed.includes(ip));
  }

  #shares(holders: Look['holders']): string {
    return shares(this.#fleet.machines, holders);
  }

  /** With the time of the show before the first line. */
  #say(text: string): void {
    process.stdout.write(timed(performance.now() - this.#startMs, text));
  }
}
