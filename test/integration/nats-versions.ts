/**
 * The servers that the integration tests run on: the installed one and the newest that Debian has.
 *
 * The newer one is downloaded once with apt, through a sources list of our own (the system's configuration is not
 * touched), unpacked with `dpkg -x` into `.cache/`, and kept. Without network the tests run on the installed one, and
 * say so.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cacheFolder = join(import.meta.dirname, '../../.cache');
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const suites = ['sid', 'trixie'];
const failureMarker = join(cacheFolder, 'nats-server-unavailable');
const retryAfterMs = 3_600_000;

export interface NatsBinary {
  readonly version: string;
  readonly binary: string;
}

/** Oldest first. At least the installed one. */
export async function natsBinaries(): Promise<readonly NatsBinary[]> {
  const installed = { binary: 'nats-server', version: await versionOf('nats-server') };
  const newest = (await cached()) ?? (await downloaded());
  return newest && newest.version !== installed.version ? [installed, newest] : [installed];
}

/** Search path of a process that is to find this server before the installed one. */
export function searchPathWith({ binary }: NatsBinary): string {
  const installed = process.env.PATH ?? '';
  return binary.includes('/') ? `${dirname(binary)}${delimiter}${installed}` : installed;
}

async function cached(): Promise<NatsBinary | undefined> {
  await mkdir(cacheFolder, { recursive: true });
  const versions = (await readdir(cacheFolder)).flatMap(
    (name) => /^nats-server-(\d[\d.]*)$/.exec(name)?.[1] ?? [],
  );
  const newest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  return newest === undefined ? undefined : { version: newest, binary: binaryIn(newest) };
}

async function downloaded(): Promise<NatsBinary | undefined> {
  const failedMs = await stat(failureMarker).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (Date.now() - failedMs < retryAfterMs) return undefined;
  const folder = await mkdtemp(join(cacheFolder, 'download-'));
  try {
    for (const suite of suites) {
      const binary = await download(folder, suite).catch(() => undefined);
      if (binary) return binary;
    }
    console.warn('No newer nats-server could be downloaded: the bus is tested on the installed one only.');
    await writeFile(failureMarker, '');
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(folder: string, suite: string): Promise<NatsBinary> {
  const sources = join(folder, 'sources.list');
  await writeFile(sources, `deb [signed-by=${keyring}] http://deb.debian.org/debian ${suite} main\n`);
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true });
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    'Acquire::http::Timeout': '20',
    'Acquire::Retries': '0',
    // apt's own user cannot write into this folder.
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...options, 'update'], { cwd: folder });
  await run('apt-get', [...options, 'download', 'nats-server'], { cwd: folder });
  const packageFile = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  if (!packageFile) throw new Error(`no package of ${suite}`);
  const unpacked = join(folder, 'unpacked');
  await run('dpkg', ['-x', join(folder, packageFile), unpacked]);
  const version = await versionOf(join(unpacked, 'usr/sbin/nats-server'));
  if (!existsSync(binaryIn(version))) await rename(unpacked, join(cacheFolder, `nats-server-${version}`));
  return { version, binary: binaryIn(version) };
}

function binaryIn(version: string): string {
  return join(cacheFolder, `nats-server-${version}`, 'usr/sbin/nats-server');
}

async function versionOf(binary: string): Promise<string> {
  const { stdout } = await run(binary, ['--version']);
  return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? 'unknown';
}
