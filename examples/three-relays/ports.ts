/** TCP ports of loopback: which are taken, and one that is not. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Listens there for a moment; the port, which for 0 is a free one. Undefined when it is taken. */
export async function probePort(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  } finally {
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
  }
}
