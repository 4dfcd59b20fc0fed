/** The message bus as the original configured it, mapped to NATS (CONF-8.6). */
import {
  afterRestart,
  anonymous,
  dictionaryOf,
  int,
  level,
  listOf,
  type OptionSchema,
  type ScopeSchema,
  seconds,
  text,
} from './option.ts';

const port = int(1, 65_535);

function linkOptions(role: 'server' | 'client'): OptionSchema[] {
  return [
    {
      name: 'connect_timeout',
      type: seconds(1),
      text: 'Wait for a connection; unset: 2 s, so that a server behind a cut cable does not hold up the others.',
    },
    {
      name: 'reconnect_interval',
      type: seconds(1),
      text: 'Longest wait between two attempts to connect; unset: 0.5 s, with jitter.',
    },
    { name: 'keepalive_interval', type: seconds(1), text: 'Period of pings; unset: 1 s.' },
    {
      name: 'idle_timeout',
      type: seconds(1),
      text: 'Silence after which a link counts as dead, rounded up to whole pings; unset: 2 pings.',
    },
    {
      name: 'max_backlog',
      type: int(1, 1_000_000),
      default: '5000',
      text: 'Waiting messages at which a link counts as stuck and is made anew.',
    },
    {
      name: 'messages_per_iter',
      type: int(1),
      default: '20',
      ignored: true,
      text: 'Fairness bound of the original.',
    },
    {
      name: 'tcpbuf_size',
      type: int(1, Number.MAX_SAFE_INTEGER, 'bytes'),
      default: '131072',
      ignored: true,
      text: 'Socket buffer of the original.',
    },
    {
      name: 'debug_level',
      type: level,
      default: 'ERROR',
      ignored: true,
      instead: 'debug_level of cluster',
      text: `Least severe level that the bus ${role} logs.`,
    },
  ];
}

export const msgcServerScope: ScopeSchema = anonymous('msgc_server', {
  text: 'The embedded NATS server, one on each node, meshed with its peers.',
  options: afterRestart('server', [
    {
      name: 'peers',
      type: dictionaryOf({ kind: 'peer' }),
      text: 'All nodes: name in lower case and address, with the port of the routes where it is not the usual one.',
    },
    {
      name: 'port',
      type: port,
      default: '4222',
      text: 'Port for clients, on loopback. Equal to the port of `msgcserver_listener` it means that one, as in files of the original.',
    },
    {
      name: 'secret',
      isSecret: true,
      type: text,
      text: 'Password of the routes between servers; needed when they leave loopback without TLS.',
    },
    {
      name: 'enabled',
      type: { kind: 'bool' },
      default: 'true',
      ignored: true,
      instead: 'servers of cluster: with them none is started here',
      text: 'Whether the server of the original is started.',
    },
    // What the server itself needs follows from `bus_heartbeat_interval`; its clients are those of `msgc_client`.
    ...linkOptions('server').map(
      (option): OptionSchema => ({
        instead: 'msgc_client',
        ...option,
        ignored: true,
      }),
    ),
  ]),
});

export const msgcClientScope: ScopeSchema = anonymous('msgc_client', {
  text: 'The connections of a node to the bus.',
  options: afterRestart('link', [
    {
      name: 'server',
      type: listOf({ kind: 'server' }, { alone: true }),
      text: 'NATS servers, as `servers` in `cluster`; the own `msgc_server` means the embedded one.',
    },
    {
      name: 'bind_address',
      type: { kind: 'host', any: true },
      ignored: true,
      text: 'Local address of the original.',
    },
    {
      name: 'enabled',
      type: { kind: 'bool' },
      default: 'true',
      ignored: true,
      text: 'Whether the client of the original is used; without a bus there is no cluster.',
    },
    ...linkOptions('client'),
  ]),
});
