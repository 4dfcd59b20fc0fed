/** What clients say before and beside their work: who they are, which protocol, whether anybody is there. */
import { integerOf, RespError, textOf } from './arguments.ts';
import type { RespCommand } from './commands.ts';
import { ok, type Reply } from './reply.ts';
import type { RespState, RespStore } from './store.ts';

const most = Number.POSITIVE_INFINITY;
/** Clients compare versions to choose commands: the oldest that knows what is served here. */
const servedVersion = '6.2.0';
/** As many as Redis has when it is not told otherwise. */
const databases = 16;

export const connectionCommands: Readonly<Record<string, RespCommand>> = {
  ping: { words: [0, 1], run: ([word]) => word ?? { status: 'PONG' } },
  echo: { words: [1, 1], run: ([word]) => word! },
  hello: { words: [0, 7], run: (words, _, state) => hello(words.map(textOf), state) },
  auth: {
    words: [1, 2],
    run: () => ({ error: 'ERR AUTH called without any password configured; leave the password out' }),
  },
  client: { words: [1, most], run: ([verb, ...rest], _, state) => client(textOf(verb!), rest, state) },
  command: { words: [0, most], run: ([verb]) => (verb && textOf(verb).toLowerCase() === 'count' ? 0 : []) },
  info: { words: [0, most], run: (_, store) => info(store) },
  select: {
    words: [1, 1],
    run: ([index], _, state) => {
      const database = integerOf(textOf(index!));
      if (database < 0 || database >= databases) return { error: 'ERR DB index is out of range' };
      state.database = database;
      return ok;
    },
  },
  time: { words: [0, 0], run: (_, store) => time(store.wallMs()) },
  dbsize: { words: [0, 0], run: (_, store) => store.size() },
  quit: {
    words: [0, most],
    run: (_, __, state) => {
      state.isEnding = true;
      return ok;
    },
  },
};

/** `HELLO [2|3 [AUTH user password] [SETNAME name]]` */
function hello([version, ...options]: readonly string[], state: RespState): Reply {
  if (version !== undefined && version !== '2' && version !== '3')
    return { error: 'NOPROTO unsupported protocol version' };
  for (let at = 0; at < options.length; at++) {
    const word = options[at]!.toUpperCase();
    if (word === 'SETNAME' && at + 1 < options.length) state.name = checkedName(options[++at]!);
    else if (word === 'AUTH') throw new RespError('WRONGPASS no password is configured; leave it out');
    else throw new RespError(`ERR Syntax error in HELLO option '${options[at]}'`);
  }
  if (version !== undefined) state.version = version === '3' ? 3 : 2;
  return new Map<string, Reply>([
    ['server', 'flotilla'],
    ['version', servedVersion],
    ['proto', state.version],
    ['id', state.id],
    ['mode', 'standalone'],
    ['role', 'master'],
    ['modules', []],
  ]);
}

function client(verb: string, rest: readonly Buffer[], state: RespState): Reply {
  switch (verb.toLowerCase()) {
    case 'setname':
      state.name = checkedName(rest[0] ? textOf(rest[0]) : '');
      return ok;
    case 'getname':
      return state.name === '' ? null : state.name;
    case 'id':
      return state.id;
    case 'setinfo':
    case 'no-evict':
    case 'no-touch':
      return ok;
    default:
      return { error: `ERR unknown subcommand '${verb.slice(0, 64)}' of CLIENT` };
  }
}

function checkedName(name: string): string {
  if (/^[!-~]{0,255}$/.test(name)) return name;
  throw new RespError('ERR Client names cannot contain spaces, newlines or special characters.');
}

/** What clients look at before they begin: whether the data is loaded. */
function info(store: RespStore): string {
  return [
    '# Server',
    `redis_version:${servedVersion}`,
    `flotilla_version:${store.version}`,
    'redis_mode:standalone',
    '# Persistence',
    'loading:0',
    '# Replication',
    'role:master',
    '# Keyspace',
    `db0:keys=${store.size()},expires=0,avg_ttl=0`,
    '',
  ].join('\r\n');
}

function time(wallMs: number): Reply {
  return [String(Math.floor(wallMs / 1000)), String(Math.floor(wallMs % 1000) * 1000)];
}
