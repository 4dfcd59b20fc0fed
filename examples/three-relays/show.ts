/**
 * What happens before the audience: the sums every few seconds, and a node that is killed and started again.
 * Everything it says has been checked the moment before.
 */
import { Checker } from './check.ts';
import type { RunningFleet } from './fleet.ts';
import { checkLogs, type LogCheck } from './log-check.ts';
import type { Relay } from './relay.ts';
import { counted, milliseconds, seconds, timed, verdict } from './screen.ts';
import { type Kill, summary } from './summary.ts';
import { timeline } from './timeline.ts';
import { kernelSockets, totalOf } from './truth.ts';
import { sleep, until } from './until.ts';

/** The larger netblocks: all rows would fill the screen. */
const shownCommand = 'cluster shared show inbound_cidr min 7';
/** How far the manager has got. */
const logsCommand = 'cluster show logs';
/** The server's news takes milliseconds and silence takes a second, so by then something is wrong. */
const goneLimitMs = 2_000;

export class Show {
  readonly #fleet: RunningFleet;
  readonly #signal: AbortSignal;
  readonly #checker: Checker;
  readonly #startMs = performance.now();
  #kill: Kill | undefined;

  constructor(fleet: RunningFleet, signal: AbortSignal) {
    this.#fleet = fleet;
    this.#signal = signal;
    this.#checker = new Checker(fleet.relays, fleet.clients, signal);
  }

  /** Throws the reason of the signal when it is stopped before its time. */
  async run(durationMs: number | undefined): Promise<void> {
    const [watched, victim] = this.#fleet.relays;
    if (!watched || !victim) throw new Error('two relays are needed');
    for (const { atMs, what } of timeline(durationMs)) {
      await sleep(this.#startMs + atMs - performance.now(), this.#signal);
      if (what === 'look') await this.#look(watched);
      else if (what === 'kill') await this.#killRelay(victim);
      else await this.#restart(victim);
    }
  }

  /** What it all came to; to be asked while the nodes still run. */
  async summary(): Promise<{ text: string; hasFailed: boolean }> {
    return await summary({
      fleet: this.#fleet,
      checker: this.#checker,
      logs: await this.#checkLogs(),
      kill: this.#kill,
      durationMs: performance.now() - this.#startMs,
    });
  }

  /** Undefined when the clients do not come to rest, because a relay is gone. */
  #checkLogs(): Promise<LogCheck | undefined> {
    const { manager, relays } = this.#fleet;
    const wasKilled = (relay: Relay) => relay.name === this.#kill?.victim;
    // After Ctrl-C, too.
    const { signal } = new AbortController();
    return this.#checker
      .whileStill(() => checkLogs(manager, relays, wasKilled, signal), signal)
      .catch(() => undefined);
  }

  async #look(watched: Relay): Promise<void> {
    await this.#checker.whileStill(async () => {
      const check = await this.#checker.check();
      const answer = await watched.ask(shownCommand);
      const logs = await watched.ask(logsCommand);
      const shown = [
        [shownCommand, answer],
        [logsCommand, logs],
      ] as const;
      const texts = shown.map(([line, told]) => `${watched.name}> ${line}\n${told?.text ?? 'no answer\n'}`);
      this.#say(`${verdict(check)}${texts.join('')}`);
    });
  }

  /** The clients hold still, so that the share of the dead node is all that changes. */
  async #killRelay(victim: Relay): Promise<void> {
    const survivors = this.#fleet.relays.filter((relay) => relay !== victim);
    await this.#checker.whileStill(async () => {
      const share = totalOf(kernelSockets().accepted.get(victim.frontPort) ?? new Map());
      this.#say(`kill -9 ${victim.pid}: ${victim.name}, with ${counted(share, 'connection')}\n`);
      const killedMs = performance.now();
      const ended = victim.kill();
      const goneMs = await Promise.all(
        survivors.map(async (relay) => {
          const isGone = await until(() => hasForgotten(relay, victim), {
            limitMs: goneLimitMs,
            everyMs: 1,
            signal: this.#signal,
          });
          return { relay: relay.name, afterMs: isGone ? performance.now() - killedMs : undefined };
        }),
      );
      await ended;
      this.#kill = { victim: victim.name, goneMs, backMs: undefined };
      const told = goneMs.map(({ relay, afterMs }) =>
        afterMs === undefined
          ? `STILL THERE on ${relay}`
          : `gone from ${relay} after ${milliseconds(afterMs)}`,
      );
      this.#say(`its share is ${told.join(', ')}\n${verdict(await this.#checker.check())}`);
    });
  }

  async #restart(victim: Relay): Promise<void> {
    const startMs = performance.now();
    this.#say(`starting ${victim.name} again\n`);
    await victim.start(this.#fleet.bus.url, this.#fleet.relays.length);
    const backMs = performance.now() - startMs;
    if (this.#kill) this.#kill = { ...this.#kill, backMs };
    this.#say(`${victim.name} serves again, ${seconds(backMs)} after its start\n`);
  }

  #say(text: string): void {
    process.stdout.write(timed(performance.now() - this.#startMs, text));
  }
}

/** The view without it is installed; no answer at all proves nothing. */
async function hasForgotten(relay: Relay, victim: Relay): Promise<boolean> {
  const answer = await relay.ask(`cluster shared show inbound_cidr from ${victim.name}`);
  return answer !== undefined && !answer.isOk;
}
