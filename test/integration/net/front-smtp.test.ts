/** Real mail through a front listener: a real SMTP server behind it, a real client in front. */
import nodemailer from 'nodemailer';
import { SMTPServer } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import { until } from '../until.ts';
import { closeAll, everyone, expectQuiet, openFront } from './fronts.ts';

const mailServers: SMTPServer[] = [];
afterEach(async () => {
  await closeAll();
  await Promise.all(
    mailServers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
});

interface Mail {
  readonly client: string;
  readonly text: string;
}

async function startMailServer(mails: Mail[]): Promise<{ host: string; port: number }> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    useProxy: true,
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => {
        mails.push({ client: session.remoteAddress, text });
        done();
      });
    },
  });
  mailServers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.server.address() as { port: number }).port };
}

function send(port: number, localAddress: string, text: string) {
  const transport = nodemailer.createTransport({ host: '127.0.0.1', port, localAddress, ignoreTLS: true });
  return transport.sendMail({
    from: 'a@example.com',
    to: 'b@example.net',
    subject: 'through the front',
    text,
  });
}

test('mail from many addresses arrives, the server sees the clients, the counts rise and fall', async () => {
  const mails: Mail[] = [];
  const front = await openFront({ kind: 'esmtp', upstream: await startMailServer(mails), sendProxy: 'v1' });
  const addresses = Array.from({ length: 12 }, (_, n) => `127.0.${n % 3}.${n + 10}`);
  let most = 0;
  const watching = setInterval(() => {
    most = Math.max(most, front.inbound.count(everyone));
  }, 1);
  const large = 'a line of text\r\n'.repeat(20_000);
  await Promise.all(addresses.map((address, n) => send(front.port, address, n === 0 ? large : `mail ${n}`)));
  clearInterval(watching);
  expect(mails.map(({ client }) => client).sort()).toEqual([...addresses].sort());
  expect(mails.find(({ client }) => client === addresses[0])?.text.length).toBeGreaterThan(large.length);
  expect(most).toBeGreaterThan(0);
  await expectQuiet(front);
});

test('REP-15.4 a mail client over the cap gets 421 and can try again later', async () => {
  const mails: Mail[] = [];
  const peers = [{ prefix: '127.9.0.0/16', caps: { listenerSessions: 1 } }];
  const front = await openFront({
    kind: 'esmtp',
    upstream: await startMailServer(mails),
    sendProxy: 'v1',
    peers,
  });
  const pool = nodemailer.createTransport({
    host: '127.0.0.1',
    port: front.port,
    localAddress: '127.9.0.1',
    ignoreTLS: true,
    pool: true,
    maxConnections: 1,
  });
  await pool.sendMail({ from: 'a@example.com', to: 'b@example.net', text: 'the session stays open' });
  await expect(send(front.port, '127.9.0.2', 'too many')).rejects.toMatchObject({
    response: '421 4.4.5 Service unavailable, concurrency limit reached',
  });
  await send(front.port, '127.10.0.1', 'from elsewhere');
  pool.close();
  await until(() => front.listener.sessions === 0);
  await send(front.port, '127.9.0.2', 'now there is room');
  expect(mails).toHaveLength(3);
  await expectQuiet(front);
});

test('without a mail server the client gets 421', async () => {
  const upstream = await startMailServer([]);
  await Promise.all(
    mailServers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  const front = await openFront({ kind: 'esmtp', upstream });
  await expect(send(front.port, '127.0.0.1', 'nobody there')).rejects.toMatchObject({ responseCode: 421 });
  await expectQuiet(front);
});
