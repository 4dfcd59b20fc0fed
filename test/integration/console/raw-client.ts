/** A console client that sends exactly the bytes it is told to, and reads only when it is told to. */
import { once } from 'node:events';
import net from 'node:net';
import { encodeFrame, FrameReader, parseResponse, type Response } from '../../../src/console/frame.ts';

export class RawClient {
  readonly socket: net.Socket;
  readonly #reader = new FrameReader();
  readonly responses: Response[] = [];
  /** The other side has closed. */
  isClosed = false;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    // A client that ended its own side must see the end of the other one as well.
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.isClosed = true;
        socket.destroy();
      });
    }
  }

  static async connect(where: net.NetConnectOpts): Promise<RawClient> {
    const socket = net.connect({ ...where, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  read(): this {
    this.socket.on('data', (chunk) => {
      for (const body of this.#reader.push(chunk)) this.responses.push(parseResponse(body)!);
    });
    return this;
  }

  send(id: number, cmd: string): this {
    this.socket.write(encodeFrame({ id, cmd, format: 'text' }));
    return this;
  }

  /** Statuses in the order in which they came. */
  statuses(): { id: number; status: number }[] {
    return this.responses.flatMap((response) =>
      'end' in response ? [{ id: response.id, status: response.status }] : [],
    );
  }

  text(id: number): string {
    return this.responses
      .map((response) => ('out' in response && response.id === id ? response.out : ''))
      .join('');
  }
}
