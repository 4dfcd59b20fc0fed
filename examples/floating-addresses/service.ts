/** What stands behind a relay here: says the name of its machine to whoever connects, and hangs up. */
import { createServer } from 'node:net';

const [name = '', port = ''] = process.argv.slice(2);

createServer((socket) => {
  socket.on('error', () => {});
  socket.end(`${name}\n`);
}).listen(Number(port), '127.0.0.1');
