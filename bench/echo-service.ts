/**
 * Program on one machine of the test network: answers on every address the machine has, as a service bound to the
 * wildcard does, and says which machine it is (its argument).
 */
import { whenReadable } from '../src/net/linux/libc.ts';
import { EchoSocket } from './echo-protocol.ts';

/** A turn of the event loop handles so many; the socket stays readable for the rest. */
const maxAnswersATurn = 256;

const machine = Number(process.argv[2]);
const socket = new EchoSocket();
// Held for ever: a watch that nobody holds is collected, and the service falls silent.
const stop = whenReadable(socket.fd, () => {
  for (let answered = 0; answered < maxAnswersATurn; answered++) if (!socket.answer(machine)) return;
});
process.on('disconnect', () => {
  stop();
  process.exit();
});
process.send?.('ready');
