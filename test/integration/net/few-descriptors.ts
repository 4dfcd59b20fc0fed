/** A process of its own, started with few file descriptors: a front listener that tells how many it serves. */
import { openFront } from './fronts.ts';

const maxOpen = Number(process.argv[2]);
const front = await openFront(
  { kind: 'esmtp' },
  {
    service: (socket) =>
      socket
        .on('end', () => socket.end())
        .resume()
        .write('220 ready\r\n'),
    ...(Number.isNaN(maxOpen) ? {} : { maxOpen }),
  },
);
process.stdout.write(`listening ${front.port}\n`);
setInterval(() => {
  process.stdout.write(`sessions ${front.listener.sessions}, counted ${front.inbound.count('0.0.0.0/0')}\n`);
}, 20);
