/** The protocol of Redis clients: commands in any pieces, garbage, bounds, replies. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandParser, defaultLimits, type ParsedCommand } from '../../../../src/net/resp/command-parser.ts';
import { encodeReply, ok, type Reply } from '../../../../src/net/resp/reply.ts';

function encoded(words: readonly Uint8Array[]): Buffer {
  const parts = words.flatMap((word) => [Buffer.from(`$${word.length}\r\n`), word, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

/** All that comes out when the bytes come in pieces of these lengths, over and over. */
function parsed(bytes: Buffer, pieces: readonly number[], parser = new CommandParser()): ParsedCommand[] {
  const commands: ParsedCommand[] = [];
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const length = pieces[piece % pieces.length]!;
    parser.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
    for (let command = parser.next(); command; command = parser.next()) commands.push(command);
  }
  return commands;
}

/** Words as text, or the error. */
function read(text: string, pieces = [text.length]): (string[] | string)[] {
  return parsed(Buffer.from(text, 'latin1'), pieces).map((command) =>
    'error' in command ? command.error : command.words.map((word) => word.toString('latin1')),
  );
}

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const command = fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 6 });

describe('a parser of commands', () => {
  it('R7 reads what clients send in whatever pieces it comes, and holds nothing afterwards', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 8 }), pieces, (commands, lengths) => {
        const parser = new CommandParser();
        const words = parsed(Buffer.concat(commands.map(encoded)), lengths, parser).map((result) =>
          'words' in result ? result.words.map((word) => Uint8Array.from(word)) : result,
        );
        expect(words).toEqual(commands);
        expect(parser.heldBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('R7 reads a value of 1 MiB in pieces, and refuses one byte more', () => {
    const value = Buffer.alloc(defaultLimits.maxWordBytes, 7);
    const [command] = parsed(encoded([Buffer.from('SET'), Buffer.from('k'), value]), [65_536]);
    expect(command).toHaveProperty('words');
    if (command && 'words' in command) expect(value.equals(command.words[2]!)).toBe(true);
    expect(read(`*3\r\n$${defaultLimits.maxWordBytes + 1}\r\n`)).toEqual([
      'ERR Protocol error: invalid bulk length',
    ]);
  });

  it('reads lines typed by hand', () => {
    expect(read('PING\r\n\r\n  get  key \nset k "a b\\n\\x41\\"" \'it\\\'s\'\r\n')).toEqual([
      ['PING'],
      ['get', 'key'],
      ['set', 'k', 'a b\nA"', "it's"],
    ]);
    expect(read('set k ""\r\n')).toEqual([['set', 'k', '']]);
    for (const line of ['get "k\r\n', "get 'k\r\n", 'get "k"x\r\n'])
      expect(read(line)).toEqual(['ERR Protocol error: unbalanced quotes in request']);
  });

  it('commands of no words do nothing', () => {
    expect(read('*0\r\n*-1\r\n*1\r\n$0\r\n\r\nPING\r\n')).toEqual([[''], ['PING']]);
  });

  it('R7 tells what is wrong once, as Redis does, and reads nothing more', () => {
    const cases = {
      '*1\r\nPING\r\n': "expected '$', got 'P'",
      '*1\r\n\r\n': "expected '$', got '\\xd'",
      '*x\r\n': 'invalid multibulk length',
      '*1\r\n$-1\r\n': 'invalid bulk length',
      '*1\r\n$1.5\r\n': 'invalid bulk length',
      [`*${defaultLimits.maxWords + 1}\r\n`]: 'invalid multibulk length',
      [`*${'1'.repeat(40)}`]: 'too big mbulk count string',
      [`*1\r\n$${'1'.repeat(40)}`]: 'too big bulk count string',
      [`${'x'.repeat(65_537)}`]: 'too big inline request',
    };
    for (const [text, error] of Object.entries(cases)) {
      const bytes = Buffer.from(`${text}*1\r\n$4\r\nPING\r\n`);
      expect(parsed(bytes, [3])).toEqual([{ error: `ERR Protocol error: ${error}` }]);
      expect(parsed(bytes, [bytes.length])).toEqual([{ error: `ERR Protocol error: ${error}` }]);
    }
  });

  it('R7 one command holds no more than its bound, whatever is announced', () => {
    const limits = { maxWords: 10, maxWordBytes: 100, maxCommandBytes: 250 };
    const parser = new CommandParser(limits);
    const word = Buffer.alloc(100);
    const results = parsed(encoded([word, word, word]), [7], parser);
    expect(results).toEqual([{ error: 'ERR Protocol error: invalid bulk length' }]);
    expect(parser.heldBytes).toBe(0);
    expect(parsed(encoded([word, word]), [7], new CommandParser(limits))).toHaveLength(1);
  });

  it('R7 nothing random or damaged throws, and the same comes out in any pieces', () => {
    const symbols = fc.constantFrom(
      ...['*', '$', '\r\n', '1', '2', '-1', '"', "'", '\\x4', ' ', 'PING', '\0', '\n'],
    );
    const garbage = fc.oneof(
      fc.array(symbols, { maxLength: 40 }).map((parts) => Buffer.from(parts.join(''))),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(fc.array(command, { maxLength: 4 }), fc.nat(), fc.nat(255)).map(([commands, at, byte]) => {
        const bytes = Buffer.concat(commands.map(encoded));
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(garbage, pieces, (bytes, lengths) => {
        const whole = parsed(bytes, [Math.max(1, bytes.length)]);
        expect(parsed(bytes, lengths)).toEqual(whole);
        const parser = new CommandParser();
        parsed(bytes, lengths, parser);
        expect(parser.heldBytes).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('replies', () => {
  const bytes = (reply: Reply, version: 2 | 3) => encodeReply(reply, version).toString('latin1');

  it('have the same bytes in both versions, but for maps and what is absent', () => {
    const cases: [Reply, string][] = [
      [ok, '+OK\r\n'],
      [{ error: 'ERR no' }, '-ERR no\r\n'],
      [-12, ':-12\r\n'],
      [2 ** 53 - 1, ':9007199254740991\r\n'],
      ['', '$0\r\n\r\n'],
      ['é', '$2\r\n\xc3\xa9\r\n'],
      [Buffer.from([0, 13, 10]), '$3\r\n\0\r\n\r\n'],
      [[1, ['a'], []], '*3\r\n:1\r\n*1\r\n$1\r\na\r\n*0\r\n'],
    ];
    for (const [reply, expected] of cases) {
      expect(bytes(reply, 2)).toBe(expected);
      expect(bytes(reply, 3)).toBe(expected);
    }
    expect(bytes([null], 2)).toBe('*1\r\n$-1\r\n');
    expect(bytes([null], 3)).toBe('*1\r\n_\r\n');
    const map = new Map<string, Reply>([['proto', 3]]);
    expect(bytes(map, 2)).toBe('*2\r\n$5\r\nproto\r\n:3\r\n');
    expect(bytes(map, 3)).toBe('%1\r\n$5\r\nproto\r\n:3\r\n');
  });

  it('what a client sent cannot begin a reply of its own inside an error', () => {
    expect(bytes({ error: "ERR unknown command 'x\r\n+OK'" }, 2)).toBe("-ERR unknown command 'x  +OK'\r\n");
  });
});
