import { NatsError } from 'nats';
import { expect, it } from 'vitest';
import { askedAgain } from '../../../src/bus/jetstream-error.ts';

/** Answers in this order, then the last one for ever. */
function replies(...given: (Error | string)[]) {
  let asked = 0;
  const ask = async () => {
    const reply = given[Math.min(asked++, given.length - 1)]!;
    if (reply instanceof Error) throw reply;
    return reply;
  };
  return { ask, asked: () => asked };
}

const lost = new NatsError('TIMEOUT', 'TIMEOUT');

it('CONF-11.5 a question is asked again when its answer was lost, and not when it was refused', async () => {
  const once = replies(lost, 'here');
  expect(await askedAgain(60_000, once.ask)).toBe('here');
  expect(once.asked()).toBe(2);
  const refused = replies(new NatsError('no majority', '503'), 'here');
  await expect(askedAgain(60_000, refused.ask)).rejects.toThrow('no majority');
});

it('CONF-11.5 it is given up when the time is over', async () => {
  const silent = replies(lost);
  await expect(askedAgain(0, silent.ask)).rejects.toThrow('TIMEOUT');
  expect(silent.asked()).toBe(1);
});
