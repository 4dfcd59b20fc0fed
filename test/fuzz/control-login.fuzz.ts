/**
 * Whoever stands in front of the console (R7, INV-33, INV-34): streams of frames, well-formed, mutated and random, with
 * logins and commands in any order, in pieces of any size. Two kinds of runs:
 *
 * - nobody has the right password, only what looks like it: no command may run, whatever is sent;
 * - somebody has logged in whose role allows one command: nothing else may run, however it is written.
 *
 * Each request that can be read ends in one status, each login and each command that can be read leaves one record, and
 * nothing throws. A failure names the run and seed that replay it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accounting, accountingLine } from '../../src/console/access/accounting.ts';
import { Entrance } from '../../src/console/access/entrance.ts';
import { Roles } from '../../src/console/access/roles.ts';
import { said } from '../../src/console/answer.ts';
import { Conversation } from '../../src/console/conversation.ts';
import {
  encodeFrame,
  FrameReader,
  maxUnknownBodyBytes,
  parseRequest,
  type Response,
} from '../../src/console/frame.ts';
import { Registry } from '../../src/console/registry.ts';
import type { ControlAccess } from '../../src/core/settings.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { interpreterOf, silentLog } from '../unit/console/fake-node.ts';
import { openAccess } from '../unit/console/open-access.ts';

export interface ControlLoginFuzzSummary {
  readonly runs: number;
  readonly requests: number;
  readonly malformed: number;
  readonly broken: number;
  /** Of all logins that were tried, none of them right. */
  readonly logins: number;
  /** Commands that ran because the role allows them, and those that it refused. */
  readonly allowed: number;
  readonly refused: number;
}

type Counts = { -readonly [name in keyof ControlLoginFuzzSummary]: number };

const user = 'tom';
const password = 'sesame, open';

/** `passwordFile`: in clear text, with this user and password (a hash would take all the time). */
export async function fuzzControlLogin(
  runs: number,
  seed: number,
  passwordFile: string,
): Promise<ControlLoginFuzzSummary> {
  const counts: Counts = { runs, requests: 0, malformed: 0, broken: 0, logins: 0, allowed: 0, refused: 0 };
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `login ${run}`);
    const bytes = randomStream(random);
    try {
      await examine(bytes, random, counts, { isIn: run % 2 === 1, passwordFile });
    } catch (error) {
      const shown = bytes.subarray(0, 2000).toString('latin1');
      throw new Error(`fuzzControlLogin run ${run} of seed ${seed}: ${JSON.stringify(shown)}`, {
        cause: error,
      });
    }
  }
  return counts;
}

/** A file for it, as long as `use` runs. */
export async function withPasswordFile<Outcome>(use: (path: string) => Promise<Outcome>): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-fuzz-'));
  try {
    const path = join(directory, 'passwd');
    writeFileSync(path, `# people\n${user}:${password}\n`, { mode: 0o600 });
    return await use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const allowedLine = /^list(?: [a-z]+)?$/i;
const allowedLines = ['list', ' LIST\t"all"', 'xml list', 'list abc', 'json "list"\n', 'list:x all'];

async function examine(
  bytes: Buffer,
  random: SeededRandom,
  counts: Counts,
  { isIn, passwordFile }: { readonly isIn: boolean; readonly passwordFile: string },
): Promise<void> {
  const ran: string[] = [];
  const records: string[] = [];
  const entrance = await entranceFor(isIn, passwordFile, records);
  const conversation = new Conversation(entrance, interpreterOf(registryThatNotes(ran)));
  const reader = new FrameReader();
  for (const piece of piecesOf(bytes, random)) {
    if (!conversation.isOpen) reader.mostBytes = maxUnknownBodyBytes;
    for (const body of reader.push(piece)) {
      if (conversation.isOver) break;
      const request = parseRequest(body);
      const [before, seen] = [records.length, ran.length];
      const responses: Response[] = [];
      for await (const response of conversation.answer(request)) responses.push(response);
      checkEnd(responses);
      if ('problem' in request) counts.malformed++;
      else counts.requests++;
      if ('login' in request && !isIn) counts.logins++;
      if (records.length - before > 1 || ran.length - seen > 1)
        throw new Error('more than one record or command');
    }
  }
  if (reader.broken) counts.broken++;
  counts.allowed += ran.length;
  counts.refused += records.filter((record) => /@Z@.*@tom@0@/.test(record)).length;
  if (!isIn && (ran.length > 0 || conversation.isOpen)) throw new Error(`came in and ran ${ran.join()}`);
  for (const line of ran) if (!allowedLine.test(line)) throw new Error(`ran ${JSON.stringify(line)}`);
  if (records.filter((record) => record.includes('@Z@') && /@tom@1@/.test(record)).length !== ran.length)
    throw new Error(`${ran.length} commands, but other records: ${records.join('\n')}`);
}

async function entranceFor(isIn: boolean, passwordFile: string, records: string[]): Promise<Entrance> {
  const access: ControlAccess = {
    ...openAccess,
    authenticate: true,
    authorize: true,
    passwordFiles: [{ kind: 'clear', path: passwordFile }],
  };
  const entrance = await Entrance.of(
    {
      place: { listener: '127.0.0.1:2025', peer: '127.0.0.1' },
      access,
      systemUser: undefined,
      certificate: isIn ? { user, problem: undefined } : undefined,
      isPrivate: true,
    },
    {
      roles: new Roles([{ name: user, allow: [allowedLine.source] }]),
      accounting: new Accounting((record) => records.push(accountingLine(record, 0))),
      log: silentLog,
      penaltyMs: 0,
    },
  );
  records.length = 0;
  return entrance;
}

function registryThatNotes(ran: string[]): Registry {
  const registry = new Registry();
  for (const words of ['list', 'list all', 'shutdown', 'config set']) {
    registry.register({
      words,
      usage: words,
      help: words,
      impact: 'write',
      anyInstance: true,
      run: (args) => {
        ran.push([words, ...args].join(' '));
        return said('done');
      },
    });
  }
  return registry;
}

function checkEnd(responses: readonly Response[]): void {
  const ends = responses.filter((response) => 'end' in response);
  if (ends.length !== 1 || responses.at(-1) !== ends[0]) throw new Error('not one end, and last');
}

function* piecesOf(bytes: Buffer, random: SeededRandom): Generator<Buffer> {
  const isWhole = random.chance(0.5);
  for (let at = 0; at < bytes.length; ) {
    const end = isWhole ? bytes.length : Math.min(bytes.length, at + 1 + random.below(40));
    yield bytes.subarray(at, end);
    at = end;
  }
}

const users = [
  user,
  'TOM',
  'tom ',
  ' tom',
  'tom\0',
  'tom:sesame, open',
  '# people',
  '',
  '__proto__',
  'root',
  'tom\n',
];
const passwords = [
  'sesame',
  'sesame, open ',
  'SESAME, open',
  '',
  'tom',
  password.slice(0, -1),
  `${password}\0`,
  `${password}\r`,
  'sesame,\\ open',
];
const commandPieces = [
  'list',
  'LIST',
  'all',
  'shutdown',
  'config',
  'set',
  'xml',
  'json',
  'text',
  '"',
  '\\',
  '\n',
  '\t',
  ' ',
  ':a',
  '"shutdown"',
  'login',
  '#',
  '\u00a0',
  '\u2003',
  '^',
  '.*',
];
/** What stands in JSON for what it should not: other types, other spellings of keys, keys twice. */
const rawBodies = [
  '{"id":1,"login":null}',
  '{"id":1,"login":true,"cmd":"shutdown"}',
  '{"id":1,"login":{"user":"tom","password":["sesame, open"]}}',
  '{"id":1,"login":{"user":"tom","password":true}}',
  '{"id":1,"login":{"__proto__":{"user":"tom","password":"sesame, open"}}}',
  '{"id":1,"cmd":"shutdown","gate":true,"status":0}',
  '{"id":1,"cmd":"shutdown","format":"__proto__"}',
  '{"id":-1,"cmd":"shutdown"}',
  '{"id":1,"cmd":["shutdown"]}',
  '[{"id":1,"cmd":"shutdown"}]',
  '{"id":1,"end":true,"status":0}',
  '',
];

function randomStream(random: SeededRandom): Buffer {
  const frames = Array.from({ length: 1 + random.below(6) }, (_, id) => randomFrame(random, id));
  const bytes = Buffer.concat(frames);
  if (random.chance(0.6)) return bytes;
  for (let change = 1 + random.below(4); change > 0 && bytes.length > 0; change--)
    bytes[random.below(bytes.length)] = random.below(256);
  return random.chance(0.7) ? bytes : bytes.subarray(0, random.below(bytes.length + 1));
}

function randomFrame(random: SeededRandom, id: number): Buffer {
  if (random.chance(0.35))
    return encodeFrame({ id, login: { user: random.pick(users), password: random.pick(passwords) } });
  if (random.chance(0.7))
    return encodeFrame({ id, cmd: randomLine(random), format: random.pick(['text', 'xml', 'json']) });
  const body = random.chance(0.7)
    ? Buffer.from(random.pick(rawBodies))
    : Buffer.from(random.hex(random.below(60)), 'hex');
  const header = Buffer.alloc(4);
  header.writeUInt32BE(random.chance(0.9) ? body.length : random.below(2 ** 32));
  return Buffer.concat([header, body]);
}

function randomLine(random: SeededRandom): string {
  if (random.chance(0.3)) return random.pick(allowedLines);
  const pieces = Array.from({ length: random.below(7) }, () => random.pick(commandPieces));
  return pieces.join(random.chance(0.5) ? ' ' : '');
}
