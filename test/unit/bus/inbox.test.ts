/** A flood of messages leaves turns to everything else, loses nothing that has room, and keeps its order. */
import { describe, expect, it } from 'vitest';
import { Inbox } from '../../../src/bus/inbox.ts';
import type { Timer } from '../../../src/core/clock.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

/** Each message takes a millisecond. */
class Busy extends VirtualClock {
  spentMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.spentMs;
  }

  /** A turn of the event loop is not over at once. */
  override after(delayMs: number, run: () => void): Timer {
    return super.after(Math.max(1, delayMs), run);
  }
}

function inboxOf(maxBytes = 1_000) {
  const clock = new Busy();
  const handled: number[] = [];
  let dropped = 0;
  const inbox = new Inbox({
    clock,
    maxBytes,
    handle: ([number]) => {
      clock.spentMs++;
      handled.push(number!);
    },
    dropped: () => dropped++,
  });
  const turn = () => clock.runUntil(clock.nowMs() - clock.spentMs + 1);
  return { clock, handled, inbox, turn, dropped: () => dropped };
}

const message = (number: number) => Uint8Array.of(number);

describe('an inbox', () => {
  it('hands over at once what comes now and then', () => {
    const { clock, handled, inbox } = inboxOf();
    for (let number = 0; number < 20; number++) {
      inbox.push(message(number));
      expect(handled).toHaveLength(number + 1);
      clock.spentMs += 5;
    }
  });

  it('P4 of a flood it takes four milliseconds a turn, in order, also of what comes meanwhile', () => {
    const { handled, inbox, turn } = inboxOf();
    for (let number = 0; number < 10; number++) inbox.push(message(number));
    expect(handled).toHaveLength(4);
    turn();
    expect(handled).toHaveLength(8);
    inbox.push(message(10));
    expect(handled).toHaveLength(8);
    turn();
    turn();
    expect(handled).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('what has no room is dropped and counted, and after the flood there is room again', () => {
    const { clock, handled, inbox, turn, dropped } = inboxOf(3);
    for (let number = 0; number < 10; number++) inbox.push(message(number));
    expect(dropped()).toBe(3);
    turn();
    turn();
    expect(handled).toEqual([0, 1, 2, 3, 4, 5, 6]);
    clock.spentMs += 5;
    inbox.push(message(10));
    expect(handled.at(-1)).toBe(10);
  });

  it('hands over nothing more when it is closed', () => {
    const { handled, inbox, turn } = inboxOf();
    for (let number = 0; number < 10; number++) inbox.push(message(number));
    inbox.close();
    turn();
    expect(handled).toHaveLength(4);
  });
});
