/**
 * Console changes into files (CONF-6.4). Texts come from the plan; here they get to the disk.
 *
 * Invariants: nothing is written before it is known that the files then say what runs, but for what is warned of; each file
 * is the old one or the new one, with its mode and owner.
 */
import { chmod, chown, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { changesFileOf, checkChanged, checkConfiguration } from '../config/check.ts';
import { type ConfigurationFiles, diskFiles } from '../config/files.ts';
import { type ConfigReply, refused } from '../config/online/questions.ts';
import { type ChangedFile, planWriteback } from '../config/online/writeback.ts';
import type { Scope } from '../config/scope-tree.ts';
import { showAll } from '../config/show.ts';
import type { Clock } from '../core/clock.ts';
import { isChecked } from './configuration.ts';
import type { Running } from './running-configuration.ts';
import { nameNew, newSuffix, writeNew } from './whole-file.ts';

export async function writeBack(
  running: Running,
  clock: Clock,
): Promise<ConfigReply & { readonly running: Running }> {
  const { request, checked } = running;
  if (running.changes.length === 0) return { isDone: true, text: 'Nothing to write.\n', running };
  const stored = storedTree(running);
  const changesFile = 'file' in request ? changesFileOf(checked.loaded, request) : undefined;
  const plan = planWriteback({ loaded: checked.loaded, stored, running: checked.tree, changesFile });
  if (typeof plan === 'string') return { ...refused(`writeback failed: ${plan}`), running };
  const { files, homeless, warnings } = plan;
  const isWhole = homeless === '' && warnings.length === 0;
  if (isWhole && !isTheSame(running, files))
    return { ...refused('writeback failed: the files would not say what runs'), running };
  try {
    for (const file of files) await writeKept(file.path, file.text, clock);
  } catch (error) {
    return { ...refused(`writeback failed: ${(error as Error).message}`), running };
  }
  const lines = [
    ...files.map(({ path, changes }) => `${path}: ${changes} ${changes === 1 ? 'change' : 'changes'}\n`),
    ...warnings.map((warning) => `warning: ${warning}\n`),
    ...(homeless === '' ? [] : [homelessText, homeless]),
  ];
  return { isDone: isWhole, text: lines.join(''), running: readAgain(running, isWhole) };
}

const homelessText =
  'warning: no file can take these changes; name one with Local_Changes_File, or put them into a file by hand:\n';

/** Everything into one file, without includes. */
export async function writeEverything(
  name: string,
  text: string,
  { checked }: Pick<Running, 'request' | 'checked'>,
  clock: Clock,
): Promise<ConfigReply> {
  const { main, files } = checked.loaded;
  const path = resolve(dirname(main.path ?? '.'), name);
  if (files.some((file) => file.path === path))
    return refused(`'${path}' is part of the configuration: name another file`);
  try {
    await writeKept(path, text, clock);
  } catch (error) {
    return refused(`writeback failed: ${(error as Error).message}`);
  }
  return { isDone: true, text: `${path}: written\n` };
}

/** What the files said when they were read. */
function storedTree({ request, checked }: Running): Scope {
  return checkChanged(checked.loaded, request, []).tree!;
}

function isTheSame({ request, checked }: Running, files: readonly ChangedFile[]): boolean {
  const then = checkConfiguration({ ...request, files: withTexts(request.files ?? diskFiles, files) });
  return then.tree !== undefined && showAll(then.tree, 'written') === showAll(checked.tree, 'written');
}

/** The disk as it would be. */
function withTexts(disk: ConfigurationFiles, changed: readonly ChangedFile[]): ConfigurationFiles {
  const texts = new Map(changed.map(({ path, text }) => [path, Buffer.from(text)]));
  return {
    facts: (path) => {
      const text = texts.get(resolve(path));
      return text ? { kind: 'file', sizeBytes: text.length } : disk.facts(path);
    },
    read: (path) => texts.get(resolve(path)) ?? disk.read(path),
    list: (path) => disk.list(path),
    isWritable: (path) => texts.has(resolve(path)) || disk.isWritable(path),
  };
}

/** What runs stays; where it stands is known anew. */
function readAgain(running: Running, isWhole: boolean): Running {
  const { request, changes } = running;
  const files = checkConfiguration(request);
  if (!isChecked(files)) return running;
  if (isWhole) return { request, checked: files, changes: [] };
  const checked = checkChanged(files.loaded, request, changes);
  return isChecked(checked) ? { request, checked, changes } : running;
}

/** A link stays a link; mode and owner stay. What was not there before is for nobody else: passwords may be in it. */
async function writeKept(name: string, text: string, clock: Clock): Promise<void> {
  const path = await realpath(name).catch(() => name);
  await writeNew(path, [text], clock, 0o600);
  const before = await stat(path).catch(() => undefined);
  if (before) {
    await chmod(`${path}${newSuffix}`, before.mode & 0o7777);
    await chown(`${path}${newSuffix}`, before.uid, before.gid).catch(() => {});
  }
  await nameNew(path);
}
