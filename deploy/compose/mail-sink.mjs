// An SMTP server that says yes to everything and keeps nothing: what stands behind the listeners of the demonstration.
import { createServer } from 'node:net';

const port = Number(process.argv[2] ?? 2525);
createServer((socket) => {
  let isData = false;
  let rest = '';
  const say = (line) => socket.write(`${line}\r\n`);
  socket.on('error', () => socket.destroy()).setTimeout(60_000, () => socket.destroy());
  say('220 mail-sink ready');
  socket.setEncoding('latin1').on('data', (text) => {
    const lines = (rest + text).split('\r\n');
    rest = lines.pop() ?? '';
    if (rest.length > 65_536) socket.destroy();
    for (const line of lines) {
      // Who the client is, as the node says it: the header of the PROXY protocol.
      if (line.startsWith('PROXY ')) continue;
      if (isData) {
        if (line !== '.') continue;
        isData = false;
        say('250 2.0.0 gone');
        continue;
      }
      const word = line.slice(0, 4).toUpperCase();
      isData = word === 'DATA';
      if (isData) say('354 go on');
      else if (word === 'QUIT') socket.end('221 2.0.0 bye\r\n');
      else say('250 2.0.0 yes');
    }
  });
}).listen(port);
