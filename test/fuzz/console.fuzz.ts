/**
 * Random and mutated lines for words, registry and commands, and random bytes for the frames that carry them (goal R7,
 * INV-33). Nothing may throw; each line ends in one status with parts within their bound, XML and JSON stay well
 * formed; frames come out the same however the bytes are cut. A failure names the run and seed that replay it.
 */
import { type Format, formats, isStatus } from '../../src/console/answer.ts';
import { nodeRegistry } from '../../src/console/commands/all.ts';
import {
  encodeFrame,
  FrameReader,
  maxBodyBytes,
  parseRequest,
  parseResponse,
} from '../../src/console/frame.ts';
import type { Interpreter } from '../../src/console/interpreter.ts';
import { quoteWord, splitWords } from '../../src/console/words.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { fakeDuravip, participant, process as vipProcess, vipView } from '../unit/console/fake-duravip.ts';
import { collect, fakeNode, fakeObject, interpreterOf, row } from '../unit/console/fake-node.ts';

export interface ConsoleFuzzSummary {
  readonly runs: number;
  /** How many lines ended in each status. */
  readonly statuses: readonly number[];
  /** Frames that held a request, and bodies that held none. */
  readonly requests: number;
  readonly malformed: number;
  /** Streams that a length beyond the bound has broken. */
  readonly broken: number;
}

export async function fuzzConsole(runs: number, seed: number): Promise<ConsoleFuzzSummary> {
  const counts = { statuses: [0, 0, 0, 0, 0, 0], requests: 0, malformed: 0, broken: 0 };
  const interpreter = interpreterOf(nodeRegistry(node));
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `console ${run}`);
    const line = randomLine(random, run);
    const bytes = randomBytes(random, line);
    try {
      counts.statuses[await runLine(interpreter, line, random.pick(formats))]!++;
      examineFrames(bytes, random, counts);
    } catch (error) {
      const shown = JSON.stringify({
        line: line.slice(0, 1000),
        bytes: bytes.subarray(0, 1000).toString('hex'),
      });
      throw new Error(`fuzzConsole run ${run} of seed ${seed}: ${shown}`, { cause: error });
    }
  }
  return { runs, ...counts };
}

const owner = vipProcess('labrat-1');
const vips = [
  vipView('10.9.0.1', { names: ['mx-1'], owner, participants: [participant('labrat-1')] }),
  vipView('2001:db8::1', { names: [']]>"\\'], labels: ['unowned', 'broken', 'held'] }),
];

const node = fakeNode({
  duravip: () => fakeDuravip({ all: vips, members: [owner] }),
  sharedObjects: () => [
    fakeObject({
      name: 'inbound_cidr',
      rows: (from) => (from === 'nobody' ? undefined : [['10.0.0.0/8 9', '10.0.0.1/32 4'].map(row)]),
    }),
    fakeObject({
      name: 'outbound_domains',
      kind: 'gauge table',
      rows: () => [[{ key: ']]>"\\\u0000\ud800', count: 7 }]],
    }),
  ],
});

/** Lines */

const commandWords = nodeRegistry(node)
  .list()
  .map(({ words }) => words);
const pieces = [
  ...commandWords,
  'cluster shared show inbound_cidr',
  'cluster shared show outbound_domains key *',
  ...[
    'xml',
    'json',
    'XML ',
    'help',
    'from',
    '10.9.0.1',
    'mx-1 to labrat-1',
    'nobody',
    'under 10.0.0.0/24',
    'key',
    'min 1',
    'top 2',
    '-v',
    '99999999999999999999',
  ],
  ...[
    '"',
    '\\',
    '\\"',
    '""',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '#',
    ']]>',
    '<',
    '&',
    '\0',
    '\u001b[2J',
    '\ud83d\ude00',
    '\ud800',
    '__proto__',
  ],
];

function randomLine(random: SeededRandom, run: number): string {
  if (run % 20_000 === 19_999) return random.pick(pieces).repeat(maxBodyBytes).slice(0, maxBodyBytes);
  if (random.chance(0.4)) return mutated(random.pick(commandWords), random);
  const count = random.below(8);
  return Array.from({ length: count }, () =>
    random.chance(0.9) ? random.pick(pieces) : randomText(random),
  ).join(random.chance(0.8) ? ' ' : '');
}

function randomText(random: SeededRandom): string {
  return Array.from({ length: random.below(30) }, () =>
    String.fromCharCode(random.below(random.chance(0.8) ? 128 : 65_536)),
  ).join('');
}

function mutated(line: string, random: SeededRandom): string {
  let text = random.chance(0.3) ? `${random.pick(pieces)} ${line}` : line;
  for (let change = random.below(3); change > 0; change--) {
    const at = random.below(text.length + 1);
    text =
      text.slice(0, at) + random.pick(pieces) + text.slice(random.chance(0.5) ? at : at + random.below(4));
  }
  return text;
}

async function runLine(interpreter: Interpreter, line: string, format: Format): Promise<number> {
  checkWords(line);
  const { text, parts, status } = await collect(interpreter.run(line, format));
  if (!isStatus(status)) throw new Error(`status ${status}`);
  if (parts.some((part) => part === '' || Buffer.byteLength(part) > 64 * 1024))
    throw new Error('a part is empty or too long');
  if (text.includes('Internal error')) throw new Error('a command has thrown');
  checkForm(line, format, text);
  return status;
}

/** Words can be typed again and are the same. */
function checkWords(line: string): void {
  const split = splitWords(line);
  if ('problem' in split) return;
  const again = splitWords(split.words.map(quoteWord).join(' '));
  if ('problem' in again || JSON.stringify(again.words) !== JSON.stringify(split.words))
    throw new Error('quoting changes words');
}

function checkForm(line: string, wanted: Format, text: string): void {
  const split = splitWords(line);
  const prefix = 'words' in split ? split.words[0]?.toLowerCase() : undefined;
  const format = prefix === 'xml' || prefix === 'json' ? prefix : wanted;
  if (text === '') return;
  if (format === 'json') JSON.parse(text);
  if (format === 'xml' && !/^<(\w+)[\s>][\s\S]*<\/\1>\n$/.test(text)) throw new Error('not one element');
  if (format === 'xml' && text.replace(/<!\[CDATA\[[\s\S]*?\]\]>/g, '').includes(']]>'))
    throw new Error('a section ends early');
}

/** Frames */

function randomBytes(random: SeededRandom, line: string): Buffer {
  const frames = Array.from({ length: 1 + random.below(3) }, (_, index) => randomFrame(random, line, index));
  const bytes = Buffer.concat(frames);
  for (let change = random.below(4); change > 0 && bytes.length > 0; change--)
    bytes[random.below(Math.min(bytes.length, 200))] = random.below(256);
  return random.chance(0.8) ? bytes : bytes.subarray(0, random.below(bytes.length + 1));
}

function randomFrame(random: SeededRandom, line: string, id: number): Buffer {
  if (random.chance(0.6)) return encodeFrame({ id, cmd: line, format: random.pick(formats) });
  const body = Buffer.from(random.hex(random.below(40)), 'hex');
  const header = Buffer.alloc(4);
  // Most lengths fit, some lie, a few are beyond the bound.
  header.writeUInt32BE(random.chance(0.8) ? body.length : random.below(random.chance(0.5) ? 100 : 2 ** 32));
  return Buffer.concat([header, body]);
}

function examineFrames(
  bytes: Buffer,
  random: SeededRandom,
  counts: { requests: number; malformed: number; broken: number },
): void {
  const whole = new FrameReader();
  const bodies = whole.push(bytes);
  const inPieces = new FrameReader();
  const again: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(random.chance(0.5) ? 5 : 100_000));
    again.push(...inPieces.push(bytes.subarray(at, end)));
    at = end;
  }
  if (whole.broken !== inPieces.broken || !Buffer.concat(bodies).equals(Buffer.concat(again)))
    throw new Error('pieces change the bodies');
  if (whole.broken) counts.broken++;
  for (const body of bodies) {
    if ('problem' in parseRequest(body)) counts.malformed++;
    else counts.requests++;
    parseResponse(body);
  }
}
