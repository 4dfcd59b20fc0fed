/**
 * `flotilla jlog`: journals from the command line, in the words and the output of jlogctl. Subscribers may be changed
 * while a node writes the journal; what changes segments is refused then.
 */
import { resolve } from 'node:path';
import { FlotillaError } from '../core/errors.ts';
import { openDiskFiles } from '../journal/disk-files.ts';
import { type Journal, type JournalOptions, openJournal } from '../journal/journal.ts';
import { formatId, hex8, type LogId, parseId } from '../journal/layout.ts';
import { systemClock, systemRandom } from '../node/system-clock.ts';

export interface JlogFlags {
  readonly journal: string;
  readonly a?: string;
  readonly e?: string;
  readonly u?: string;
  readonly p?: string;
  readonly C?: string;
  readonly i?: true;
  readonly s?: string;
  readonly c?: true;
  readonly json?: true;
}

/** Each resolves with the exit code. */
export const jlogCommands = {
  subscriber: (flags: JlogFlags) => withJournal(flags, 'read', (journal) => subscriber(journal, flags)),
  data: (flags: JlogFlags) => withJournal(flags, 'read', (journal) => data(journal, flags)),
  cat: (flags: JlogFlags) => withJournal(flags, 'read', (journal) => cat(journal, flags)),
  clean: (flags: JlogFlags) => withJournal(flags, 'own', async (journal) => void (await journal.clean())),
  repair: (flags: JlogFlags) => withJournal(flags, 'own', async (journal) => void (await journal.mend())),
  create,
};

export function isJlogCommand(name: string): name is keyof typeof jlogCommands {
  return Object.hasOwn(jlogCommands, name);
}

async function withJournal(
  flags: JlogFlags,
  access: 'own' | 'read',
  run: (journal: Journal) => Promise<void>,
  more: Partial<JournalOptions> = {},
): Promise<number> {
  const files = await openDiskFiles();
  const path = resolve(flags.journal);
  const isThere = Array.isArray(await files.list(path));
  // Opening for writing makes a journal where there is none, which only `create` may do.
  if (!isThere && !more.create) throw new FlotillaError('FLT-2201', `there is no ${path}`);
  const journal = await openJournal({
    path,
    files,
    clock: systemClock,
    random: systemRandom,
    access,
    onNotice: ({ kind, text, records, bytes }) => print(flags, { kind, text, records, bytes }, text),
    ...more,
  });
  try {
    await run(journal);
    return 0;
  } finally {
    await journal.close();
  }
}

async function create(flags: JlogFlags): Promise<number> {
  const files = await openDiskFiles();
  const path = resolve(flags.journal);
  if ((await files.list(path)) !== undefined) throw new FlotillaError('FLT-2201', `${path} exists already`);
  const settings = {
    compress: flags.c === true,
    ...(flags.s === undefined ? {} : { unitLimit: Number(flags.s) }),
  };
  return withJournal(flags, 'own', async () => {}, { create: settings });
}

async function subscriber(journal: Journal, flags: JlogFlags): Promise<void> {
  if (flags.a !== undefined) {
    const at = await journal.addSubscriber(flags.a, flags.C === undefined ? 'begin' : idOf(flags.C));
    const text = `Added subscriber '${flags.a}' -> ${formatId(at)}`;
    print(flags, { added: flags.a, checkpoint: formatId(at) }, text);
  } else if (flags.e !== undefined) {
    await journal.removeSubscriber(flags.e);
    print(flags, { erased: flags.e }, `Erased subscriber '${flags.e}'`);
  } else if (flags.u !== undefined) {
    const before = (await journal.subscribers()).get(flags.u);
    const at = await journal.moveSubscriber(flags.u, idOf(flags.C ?? ''));
    const text = `Updated subscriber '${flags.u}' ${before ? formatId(before) : ''} -> ${formatId(at)}`;
    print(flags, { updated: flags.u, checkpoint: formatId(at) }, text);
  } else if (flags.p !== undefined) await perspective(journal, flags.p, flags);
  else
    for (const [name, at] of await journal.subscribers())
      print(
        flags,
        { subscriber: name, checkpoint: formatId(at) },
        `\t${name.padStart(32)} @ ${formatId(at)}`,
      );
}

async function perspective(journal: Journal, name: string, flags: JlogFlags): Promise<void> {
  const reader = await journal.reader(name);
  try {
    const stored = formatId(await reader.stored());
    const { after, last, count } = await reader.interval(await reader.stored());
    const segments = await journal.segments();
    const end = segments.at(-1);
    const written = formatId({ segment: end?.segment ?? 0, marker: end?.records ?? 0 });
    const first = formatId(count > 0 ? { segment: after.segment, marker: after.marker + 1 } : after);
    const rule = '-'.repeat(20);
    print(
      flags,
      { subscriber: name, checkpoint: stored, lastWrite: written, next: [first, formatId(last)], count },
      `${rule}\n  Perspective of the '${name}' subscriber\n    current checkpoint: ${stored}\nLast write: ${written}\n` +
        `\t     next interval: [${first}, ${formatId(last)}]\n${rule}`,
    );
  } finally {
    await reader.close();
  }
}

async function data(journal: Journal, flags: JlogFlags): Promise<void> {
  const segments = await journal.segments();
  for (const [index, { segment, bytes, records, pending, isWhole }] of segments.entries()) {
    const state = isWhole ? (index === segments.length - 1 ? 'open' : 'closed') : 'error';
    const messages = `\n\t\t idx: ${records} messages (${hex8(records)}), ${state}`;
    const text = `\t${hex8(segment)} [${String(bytes).padStart(9)} bytes] ${pending} pending readers`;
    print(
      flags,
      { segment: hex8(segment), bytes, records, pending, state },
      flags.i ? text + messages : text,
    );
  }
}

/** All records kept, whoever has read them. */
async function cat(journal: Journal, flags: JlogFlags): Promise<void> {
  for await (const { id, timeUs, payload } of journal.everything()) {
    if (flags.json)
      print(flags, { id: formatId(id), time: timeUs / 1e6, text: payload.toString('utf8') }, '');
    else
      process.stdout.write(
        payload.at(-1) === 10 || payload.length === 0 ? payload : `${payload.toString('latin1')}\n`,
      );
  }
}

function idOf(text: string): LogId {
  const id = parseId(text);
  if (id) return id;
  throw new FlotillaError('FLT-2209', `'${text}'; give one with -C`);
}

function print(flags: JlogFlags, object: Record<string, unknown>, text: string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(object) : text}\n`);
}
