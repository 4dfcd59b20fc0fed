/** The demonstration behind `npm run demo:vip`: addresses that float between three machines, whatever happens to one. */
import { type Cast, type CastOptions, perform } from '../three-relays/stage.ts';
import { minSeconds, usage } from './arguments.ts';
import { Fleet } from './fleet.ts';
import { introduction } from './introduction.ts';
import { Show } from './show.ts';

process.exitCode = await perform(
  {
    command: 'npm run demo:vip',
    usage,
    minSeconds,
    opening: 'Starting a switch, three machines with a node and a NATS server each, and a client ...\n',
    cast: floatingAddresses,
  },
  process.argv.slice(2),
);

function floatingAddresses(options: CastOptions): Cast {
  const fleet = new Fleet(options);
  return {
    start: async () => {
      const running = await fleet.start();
      process.stdout.write(introduction(running));
      return new Show(running, options.signal);
    },
    stop: () => fleet.stop(),
    removeLeftovers: () => fleet.removeLeftovers(),
  };
}
