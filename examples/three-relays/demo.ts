/** The demonstration behind `npm start`: three relays, real mail, one of them killed; and whether the sums are right. */
import { usage } from './arguments.ts';
import { Fleet } from './fleet.ts';
import { introduction } from './introduction.ts';
import { Show } from './show.ts';
import { type Cast, type CastOptions, perform } from './stage.ts';

process.exitCode = await perform(
  {
    command: 'npm start',
    usage,
    opening: 'Starting nats-server, three relays, three mail servers, a manager and the mail clients ...\n',
    cast: threeRelays,
  },
  process.argv.slice(2),
);

function threeRelays(options: CastOptions): Cast {
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
