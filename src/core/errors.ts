/**
 * The catalogue of errors a user can meet. A code never changes its meaning and is never reused; the text may be
 * improved. `docs/reference/errors.md` is generated from this table.
 *
 * Configuration findings have codes of their own (CFG-nnnn, in the option schema): they carry a position in a file.
 */
export const errorCatalogue = {
  'FLT-1001': {
    title: 'The command line is wrong',
    advice: 'Run `flotilla help` for the commands and options.',
  },
  'FLT-1002': {
    title: 'The configuration is not valid',
    advice: 'Run `flotilla check-config FILE`; it lists every problem.',
  },
  'FLT-1003': { title: 'No configuration was found', advice: 'Give one with --config FILE.' },
  'FLT-1004': {
    title: 'The configuration cannot be changed while the node runs',
    advice: 'Do what the line says, or restart the node.',
  },
  'FLT-1101': {
    title: 'The node name is not usable',
    advice: 'Set `nodename` in cluster { } or EC_NODE_NAME: 1-63 characters of a-z 0-9 . _ -.',
  },
  'FLT-1102': {
    title: 'The node address is not usable',
    advice: 'Set `nodeaddr` to an address that the other nodes can reach, or correct /etc/hosts.',
  },
  'FLT-1103': {
    title: 'Another live node has this name',
    advice: 'Give each node its own `nodename`, or stop the other one.',
  },
  'FLT-1104': {
    title: 'The state directory is not usable',
    advice: 'Set `state_dir` in cluster { } or --state-dir to a directory in which this user may write.',
  },
  'FLT-1105': {
    title: 'The directory for files of series is not usable',
    advice: 'Set `base_dir` in as_logger { } to a directory in which this user may write.',
  },
  'FLT-1106': {
    title: 'The process cannot become the user of Security { }',
    advice:
      'Do what the line says; or take `user` out, and let User= of the service, or the container, say who it is.',
  },
  'FLT-1201': {
    title: 'The NATS server cannot be reached',
    advice: 'Check `servers`, the network and the server; the node goes on trying.',
  },
  'FLT-1202': {
    title: 'The NATS server refused the credentials',
    advice: 'Check user, password, token, nkey or creds file, and the permissions of the account.',
  },
  'FLT-1203': {
    title: 'The embedded nats-server cannot be started',
    advice: 'Install it (`apt-get install nats-server`) or name external `servers`.',
  },
  'FLT-1204': {
    title: 'A message could not be published',
    advice: 'The link is down or the message is larger than its bound; see `cluster info`.',
  },
  'FLT-1205': {
    title: 'A malformed message was dropped',
    advice: 'Another program or another version publishes on the cluster subjects; look at the sender named.',
  },
  'FLT-1206': {
    title: 'A group name is not usable',
    advice: 'Group names are made of letters, digits, _ and -, and differ from each other.',
  },
  'FLT-1207': {
    title: 'The routes of the embedded nats-server are not protected',
    advice:
      'Give all nodes the same `secret`, or TLS files (CA, certificate and key), or keep listener and peers on loopback.',
  },
  'FLT-1208': {
    title: 'There is no member of this name',
    advice: 'Give a node name or a private name; `cluster membership` lists them.',
  },
  'FLT-1209': {
    title: 'A message of another release was dropped',
    advice:
      'Look for the release with `version` on each node; while a fleet is upgraded this may happen, afterwards all nodes should have one.',
  },
  'FLT-1301': {
    title: 'There is no shared object of this name',
    advice: '`cluster shared list` shows those configured.',
  },
  'FLT-1302': {
    title: 'This is not an address, a prefix or a key',
    advice: 'Addresses are IPv4 or IPv6, prefixes are ADDRESS/BITS.',
  },
  'FLT-1303': { title: 'There is no view from this node', advice: '`cluster membership` shows the members.' },
  'FLT-1304': { title: 'This is not a count', advice: 'Counts are whole numbers from 0 to 2^53-1.' },
  'FLT-1305': {
    title: 'A table has reached its bound',
    advice: 'Raise the bound named, or find out who sends so many different keys.',
  },
  'FLT-1401': {
    title: 'A listener cannot be opened',
    advice: 'Check that the address exists on this host and nobody else listens on the port.',
  },
  'FLT-1402': {
    title: 'An upstream cannot be reached',
    advice: 'Check that the service behind the listener runs at `Upstream`.',
  },
  'FLT-1501': {
    title: 'The console endpoint is in use',
    advice: 'Another node or manager answers on it; give this one another Control_Listener endpoint.',
  },
  'FLT-1502': {
    title: 'The console cannot be reached',
    advice: 'Check the endpoint and that the node runs.',
  },
  'FLT-1503': {
    title: 'The console answered something unexpected',
    advice: 'The endpoint is not a Flotilla console, or of another version.',
  },
  'FLT-1504': {
    title: 'A command of this name cannot be registered',
    advice:
      'Give words of lower-case letters, digits and `_ - . :`; the first is none of `text`, `xml` and `json`.',
  },
  'FLT-1505': {
    title: 'The login on the console failed',
    advice:
      'Give the user as USER@HOST:PORT, and the password when asked, in EC_CONSOLE_PASSWORD, or with --password-file; with client certificates give --cert and --key.',
  },
  'FLT-1506': {
    title: 'A file of passwords or groups cannot be used',
    advice:
      'Check its path. Nobody but its owner may write it, and others may not read passwords: chmod 0640 FILE. A file that holds a password for the console is 0600.',
  },
  'FLT-1507': {
    title: 'TLS files of the console cannot be used',
    advice:
      'Check that the certificate, its key and the authority are files in PEM form that belong together.',
  },
  'FLT-1601': {
    title: 'This machine cannot take floating addresses',
    advice: 'Give the process what the line names; the node serves everything else meanwhile.',
  },
  'FLT-1602': {
    title: 'Nothing of this name floats here',
    advice:
      'Name an address, a binding or a kind of service of the configuration; `cluster duravip show` lists them.',
  },
  'FLT-1701': {
    title: 'Another node cannot be reached',
    advice:
      'Check that the node is a member, that its ECCluster_Listener can be reached, and that `secret` is the same on both.',
  },
  'FLT-1702': { title: 'Another node refused', advice: 'The reason is what that node says; see its log.' },
  'FLT-1703': {
    title: 'There is no service between nodes here',
    advice: 'Set the same `secret` in ECCluster_Listener { } or msgc_server { } on all nodes.',
  },
  'FLT-1704': {
    title: 'A transfer between nodes was ended',
    advice: 'Whoever began it may begin it again; `cluster jobs` lists those under way.',
  },
  'FLT-1705': {
    title: 'This name of a service between nodes cannot be used',
    advice:
      'Names are 1-64 printable characters without blanks, served once; `log` is the own one of each node.',
  },
  'FLT-1801': {
    title: 'This is not a rate',
    advice:
      'Rates are N (per second) or N/S (per S seconds, at most 31536000), also with `,burst=B`, in whole numbers.',
  },
  'FLT-1802': {
    title: 'There is no throttle of this name',
    advice: 'Create it first; one that is not used for a window and a second is dropped.',
  },
  'FLT-1803': {
    title: 'This is not an epsilon',
    advice: 'Give a number between 0 and 1, both excluded; 0.95 when in doubt.',
  },
  'FLT-1804': {
    title: 'Too many wait for units of throttles',
    advice: 'Raise the rate, or take in less: who waits would not be served in time.',
  },
  'FLT-1805': {
    title: 'The name of a throttle is too long',
    advice: 'Names have at most 1024 characters.',
  },
  'FLT-1806': {
    title: 'The node stopped while somebody waited for a throttle',
    advice: 'Nothing was taken; ask a node that runs.',
  },
  'FLT-1901': {
    title: 'An actor failed',
    advice: 'This is a defect of Flotilla; report the log line with its last event.',
  },
  'FLT-1911': {
    title: 'There is no such series or monitor',
    advice:
      'Define the series before it is used; monitors are `"size,count"` as in `monitors` of inbound_audit.',
  },
  'FLT-1912': {
    title: 'An argument of an audit function is not usable',
    advice: 'The line names the argument; windows go from 0, the current one, to count - 1.',
  },
  'FLT-1913': {
    title: 'There is no such service or listener',
    advice:
      'Services are SMTP, ECStream, Control, ECmmove2, ECCluster, and inbound_cidr where that is replicated.',
  },
  'FLT-2001': {
    title: 'A time to live is not valid',
    advice: 'Give seconds, or a number with M (minutes) or H (hours); "0" never expires.',
  },
  'FLT-2002': {
    title: 'A key or value does not fit a replicated cache',
    advice: 'Keys have up to 1 KiB and values up to 1 MiB of text.',
  },
  'FLT-2003': {
    title: 'The clock of another node is ahead',
    advice: 'Keep the clocks of all nodes in step (NTP); writes of that node are refused until then.',
  },
  'FLT-2004': {
    title: 'There is no such cache',
    advice:
      'Caches are `Datasource` stanzas; replicated ones have a `Replicate` stanza of the same name besides.',
  },
  'FLT-2005': {
    title: 'A query failed',
    advice:
      'The line names the database that was asked, what it or its driver says, and what to install or to correct where that ' +
      'is known. Nothing was kept of it; a database that could not be asked at all is left out for 10 seconds.',
  },
  'FLT-2101': {
    title: 'A request of the API over NATS cannot be read',
    advice: 'Send one JSON object in UTF-8 of at most 2 MiB; an empty body is {}.',
  },
  'FLT-2102': {
    title: 'The API over NATS has no such verb',
    advice: 'docs/reference/api.md lists the verbs; the node may be of an older version.',
  },
  'FLT-2103': {
    title: 'A field of a request is not usable',
    advice: 'The line names the field; docs/reference/api.md has the fields of each verb.',
  },
  'FLT-2104': {
    title: 'Too many requests of the API over NATS are under way',
    advice: 'Nothing was done; ask again later, ask another node, or raise `api_max_requests`.',
  },
  'FLT-2105': {
    title: 'No slot is held under this id',
    advice: 'It was given back, its time is over, or another node gave it out; take a new one.',
  },
  'FLT-2106': {
    title: 'A request of the API over NATS took too long',
    advice: 'What it takes later is given back; see `cluster membership` for nodes that cannot be reached.',
  },
  'FLT-2107': {
    title: 'A request of the API over NATS failed',
    advice: 'This is a defect of Flotilla; report what the log of the node says about it.',
  },
  'FLT-2201': {
    title: 'This is not a journal',
    advice:
      'Give the absolute path of a journal directory; one that is to be made must not hold other files.',
  },
  'FLT-2202': {
    title: 'A journal cannot be opened',
    advice: 'Check owner and mode of the directory, its file system, and the limit of open files.',
  },
  'FLT-2203': {
    title: 'A journal is damaged',
    advice:
      'Records before the damage can be read. A segment that is still written is left and mended when its writer starts anew; `flotilla jlog repair -j PATH` mends a journal that nobody has open.',
  },
  'FLT-2204': {
    title: 'A journal cannot be written',
    advice: 'Nothing of the record was kept. Make room, or mend what the line names; then append again.',
  },
  'FLT-2205': {
    title: 'A journal is read-only',
    advice: 'The line says why; read it as it is, or change it as a user who may write it.',
  },
  'FLT-2206': {
    title: 'A journal belongs to another process',
    advice: 'Ask that process, or stop it first.',
  },
  'FLT-2207': {
    title: 'A file of a journal is locked',
    advice: 'Find the process that holds it (`lslocks`); it may be stopped.',
  },
  'FLT-2208': {
    title: 'There is no subscriber of this name',
    advice:
      '`flotilla jlog subscriber -l -j PATH` lists them; they are added by `=>NAME` in the URI or with -a.',
  },
  'FLT-2209': {
    title: 'This is not a record of the journal',
    advice: 'Give SEGMENT:RECORD, eight hexadecimal digits each, of a record that is still kept.',
  },
  'FLT-2210': {
    title: 'This cannot be the name of a subscriber',
    advice: 'Names have 1 to 126 bytes, none of them zero.',
  },
  'FLT-2211': {
    title: 'Too much waits to be written to a journal',
    advice: 'The disk is slower than what is logged; nothing of the record was kept.',
  },
  'FLT-2212': {
    title: 'A setting of a journal is not usable',
    advice: 'The line names it; compression is fixed once there are records.',
  },
  'FLT-2213': {
    title: 'A journal has reached its largest size',
    advice: 'Let its subscribers read, remove those that never do, or raise the limit.',
  },
  'FLT-2214': {
    title: 'There is already a subscriber of this name',
    advice: 'Use it as it is, or move its checkpoint.',
  },
  'FLT-2501': {
    title: 'An output of the aggregator cannot be opened',
    advice:
      'Check owner, mode and room of the directory that the line names, or correct `logfile` in Logs { }. The log is held: its records stay on the node and are pulled again.',
  },
  'FLT-2502': {
    title: 'An output of the aggregator cannot be written',
    advice:
      'Make room, or mend what the line names. Nothing of it was acknowledged: the records stay on the node and are pulled again.',
  },
  'FLT-2503': {
    title: 'The state of an output of the aggregator is damaged',
    advice:
      'Compare the end of the output with the journal, then remove the file named; records that were not acknowledged may be there twice.',
  },
  'FLT-2504': {
    title: 'The name of a node or a log cannot be part of a path',
    advice:
      "Rename the entry of `logs` on that node: names hold neither '/' nor control characters, and are not '..'.",
  },
  'FLT-2505': {
    title: 'Another process writes an output of the aggregator',
    advice: 'Give each manager on a machine a `logfile` of its own, or stop the other one.',
  },
  'FLT-2506': {
    title: 'The aggregator stops',
    advice: 'What it had not written stays on the nodes and is pulled after the next start.',
  },
  'FLT-2601': {
    title: 'A node did not send its logs',
    advice:
      'It is asked again by itself; see `cluster membership` for nodes that cannot be reached, and `logs` on the node for what it offers.',
  },
  'FLT-2701': {
    title: 'The control cache cannot be used',
    advice:
      'Give this manager a `control_cache` in `Logs`, or a `state_dir`, that no other process uses and that it may write.',
  },
  'FLT-2301': {
    title: 'The configuration repository cannot be reached',
    advice:
      'Nothing was changed. Check the NATS servers and JetStream on them, then run the command again: a commit is refused, never queued.',
  },
  'FLT-2302': {
    title: 'There is no such subcluster',
    advice: '`flotilla cfg subcluster clusters` lists them; `flotilla cfg subcluster create NAME` makes one.',
  },
  'FLT-2303': {
    title: 'The working copy is out of date',
    advice:
      'Somebody committed the same files. Run `flotilla cfg pull`, look at the result, and commit again.',
  },
  'FLT-2304': {
    title: 'This is not a working copy',
    advice: 'Make one with `flotilla cfg bootstrap`, or name it with --working-copy.',
  },
  'FLT-2305': {
    title: 'The working copy is in conflict',
    advice:
      '`flotilla cfg pull --mine`, `--theirs` or `--manual` decides; after `--manual` edit the files and run `flotilla cfg resolve`.',
  },
  'FLT-2306': {
    title: 'The repository is another one than that of the working copy',
    advice:
      'It was made anew. `flotilla cfg bootstrap --keep-local` takes it and keeps the files here as local changes.',
  },
  'FLT-2307': {
    title: 'The configuration to be committed is not valid',
    advice: 'Mend what the lines above name, or commit with --no-validate.',
  },
  'FLT-2308': {
    title: 'This path cannot be under control',
    advice: 'Give a path inside the working copy, without hidden names, links and control characters.',
  },
  'FLT-2309': {
    title: 'The subcluster is in CONFLICT',
    advice: 'Nothing is pulled or committed until `flotilla cfg subcluster resolve NAME`.',
  },
  'FLT-2310': {
    title: 'It exists already',
    advice: 'Nothing was changed; name another, or use what is there.',
  },
  'FLT-2311': {
    title: 'The configuration repository is damaged',
    advice:
      'Something that it names is missing or not what its hash says. Make it anew from a working copy: `flotilla cfg subcluster create`, then `bootstrap --keep-local` and `commit`.',
  },
  'FLT-2312': {
    title: 'There is no such revision or file in the repository',
    advice: '`flotilla cfg log` lists the revisions with what they changed.',
  },
  'FLT-2313': {
    title: 'A commit is too large',
    advice: 'Commit in parts, with shorter messages.',
  },
  'FLT-2314': {
    title: 'Another program is changing the working copy',
    advice: 'A pull or commit is under way; try again when it is done.',
  },
  'FLT-2315': {
    title: 'It is not known whether a commit was taken',
    advice:
      'The answer was lost. When the repository can be reached again, `flotilla cfg log -n 1` shows it; committing once more is harmless.',
  },
  'FLT-2316': {
    title: 'The file cluster.boot is not usable',
    advice: 'Mend the line named, or write it anew with `flotilla cfg bootstrap --keep-local`.',
  },
  'FLT-2317': {
    title: 'The working copy cannot be written',
    advice:
      'The directory above it has to be writable for this user: a new checkout is made beside the old one.',
  },
  'FLT-2318': {
    title: 'The running configuration cannot be told',
    advice: 'Look at what `config showrecurse` says on the console of the process, which --from names.',
  },
  'FLT-2319': {
    title: 'The repository was written by a later release',
    advice: 'Upgrade this program; until then it keeps the revision that it has.',
  },
  'FLT-2320': {
    title: 'A subcluster cannot have this name',
    advice: "Give up to 63 lower-case letters, digits, '-' and '_', with a letter or digit at both ends.",
  },
  'FLT-2321': {
    title: 'The file to be put into the repository cannot be read',
    advice: 'Give a file on this machine that you may read, then its place in the repository.',
  },
  'FLT-2322': {
    title: 'This server does not keep the subcluster',
    advice:
      '`flotilla cfg subcluster master NAME` names the server that leads, `flotilla cfg subcluster slaves NAME` the others.',
  },
} as const satisfies Record<string, { title: string; advice: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** An error an operator can act upon. `code` is stable, the message says what and where, `advice` what to do. */
export class FlotillaError extends Error {
  override readonly name = 'FlotillaError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail: string, cause?: unknown) {
    super(`${errorCatalogue[code].title}: ${detail}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  get advice(): string {
    return errorCatalogue[this.code].advice;
  }
}

/** True for our errors, also across duplicate copies of the package. */
export function isFlotillaError(error: unknown): error is FlotillaError {
  return error instanceof Error && error.name === 'FlotillaError' && 'code' in error;
}
