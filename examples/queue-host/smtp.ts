/** Mail comes in: an SMTP server for the connections that a front listener of the node has accepted and counted. */
import type { Socket } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { mostBodyBytes } from './conversation.ts';
import type { QueueHost } from './host.ts';

const defaultGroup = 'default';

export function smtpService(name: string, host: () => QueueHost): (socket: Socket) => void {
  const server = new SMTPServer({
    name,
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    size: mostBodyBytes,
    onData: (stream, session, done) => {
      receive(stream, session, host()).then((answer) => done(null, answer), done);
    },
  });
  server.on('error', () => {});
  return (socket) => {
    // The server does not end its side by itself.
    socket.allowHalfOpen = false;
    server.server.emit('connection', socket);
  };
}

/** The answer is "yes" only when the message is on disk. */
async function receive(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  host: QueueHost,
): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  if (stream.sizeExceeded) throw refused(552, 'the message is too long');
  const body = Buffer.concat(chunks);
  const { mailFrom, rcptTo } = session.envelope;
  const group = groupOf(body);
  const from = mailFrom === false ? '' : mailFrom.address;
  const to = rcptTo.map(({ address }) => address);
  const id = await host.take(group, from, to, body);
  if (id === undefined) throw refused(550, `there is no binding group ${group}`);
  return `queued as ${id}`;
}

/** `X-Binding-Group`, as a policy of the mail server would set it. */
function groupOf(body: Buffer): string {
  const text = body.toString('latin1');
  const header = text.slice(0, text.search(/\r?\n\r?\n/));
  return /^x-binding-group:[ \t]*(\S+)/im.exec(header)?.[1] ?? defaultGroup;
}

function refused(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
