/** CL.THROTTLE of redis-cell, answered by a throttle that all nodes share. */
import { integerOf, keyOf, RespError, textOf } from './arguments.ts';
import type { RespCommand } from './commands.ts';
import type { Reply } from './reply.ts';
import type { RespState, RespStore } from './store.ts';

export const throttleCommands: Readonly<Record<string, RespCommand>> = {
  'cl.throttle': { words: [4, 5], run: throttle },
};

/** `CL.THROTTLE key max_burst count period [quantity]` */
async function throttle(
  [word, ...numbers]: readonly Buffer[],
  { throttles }: RespStore,
  state: RespState,
): Promise<Reply> {
  const key = keyOf(word!, state);
  const [maxBurst, count, periodS, quantity = 1] = numbers.map((number) => integerOf(textOf(number)));
  if (maxBurst! < 0 || count! < 1 || periodS! < 1 || quantity < 0)
    throw new RespError('ERR max_burst and quantity are 0 or more, count and period 1 or more');
  if (!throttles)
    throw new RespError("ERR CL.THROTTLE needs Replicate 'shared_named_throttles' in the configuration");
  const decision = await throttles.take(
    key,
    { maxBurst: maxBurst!, count: count!, periodS: periodS! },
    quantity,
  );
  const { isLimited, remaining, retryAfterS, resetAfterS } = decision;
  return [Number(isLimited), maxBurst! + 1, remaining, retryAfterS, resetAfterS];
}
