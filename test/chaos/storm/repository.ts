/**
 * The configuration repository, as an operator uses it: `flotilla cfg` on a machine without a node, and a working copy on
 * each other machine. Commits one generation after the other, and knows which of them were acknowledged.
 *
 * Rule: a commit that was acknowledged is never undone; in the end every machine has the newest one, in its files and in
 * what its process runs with.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from '../../integration/until.ts';
import { generationText } from './configuration.ts';

const bin = join(import.meta.dirname, '../../../bin/flotilla');
const generationFile = 'default/generation.conf';
const startLimitMs = 60_000;
const commandLimitMs = 40_000;
/** The servers elect before they keep anything. */
const waitS = 5;

interface Ran {
  readonly isDone: boolean;
  readonly said: string;
}

export interface RepositoryOptions {
  /** Words in front of a command that is to run on the editor's machine. */
  readonly through: readonly string[];
  readonly servers: readonly string[];
  readonly folder: string;
}

export class Repository {
  readonly #options: RepositoryOptions;
  /** Of what the editor's files say now, whether or not it was acknowledged. */
  #generation = 0;
  #acknowledged = 0;
  commits = 0;
  refusals = 0;

  constructor(options: RepositoryOptions) {
    this.#options = options;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Of a machine; the node there keeps it up to date. */
  workingCopy(machine: string): string {
    return join(this.#options.folder, machine, 'conf');
  }

  /** Makes the repository with these files, and a working copy on each of these machines. */
  async begin(files: ReadonlyMap<string, string>, machines: readonly string[]): Promise<void> {
    await this.#must('editor', 'bootstrap', '--singlenode');
    for (const [path, text] of files) this.#write(path, text);
    this.#write(generationFile, generationText(0));
    await this.#must('editor', 'commit', '--add-all', '-m', 'the fleet');
    for (const machine of machines) await this.#must(machine, 'bootstrap', '--clustername', 'default');
  }

  /** The next generation. False: it was refused, or nobody knows, and it stays a local change that the next one has in it. */
  async commit(): Promise<boolean> {
    this.#generation += 1;
    this.#write(generationFile, generationText(this.#generation));
    const { isDone, said } = await this.#cfg('editor', 'commit', '-m', `generation ${this.#generation}`);
    if (isDone) {
      this.commits += 1;
      this.#acknowledged = this.#generation;
      return true;
    }
    this.refusals += 1;
    // An answer that was lost on the way leaves a commit that the working copy does not know of.
    if (/FLT-2303/.test(said)) await this.#cfg('editor', 'pull', '--mine');
    return false;
  }

  /** What the files of a machine say. */
  filesOf(machine: string): string {
    const file = join(this.workingCopy(machine), generationFile);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  #write(path: string, text: string): void {
    const file = join(this.workingCopy('editor'), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  async #must(machine: string, command: string, ...rest: readonly string[]): Promise<void> {
    let said = '';
    const isDone = async () => {
      const ran = await this.#cfg(machine, command, ...rest);
      ({ said } = ran);
      return ran.isDone;
    };
    await until(isDone, startLimitMs).catch(() => {
      throw new Error(`flotilla cfg ${command} on ${machine}: ${said}`);
    });
  }

  #cfg(machine: string, command: string, ...rest: readonly string[]): Promise<Ran> {
    const { through, servers } = this.#options;
    const conf = this.workingCopy(machine);
    mkdirSync(dirname(conf), { recursive: true });
    const place = ['--servers', servers.join(), '--wc', conf, '--wait', String(waitS)];
    const editor = ['--username', 'editor', '--password', 'editor'];
    const [program = '', ...words] = [...through, process.execPath, bin, 'cfg', command, ...place, ...editor];
    const options = { env: { ...process.env, EC_NODE_NAME: machine }, timeout: commandLimitMs };
    return new Promise((resolve) => {
      execFile(program, [...words, ...rest], options, (error, output, errors) =>
        resolve({ isDone: error === null, said: `${output}${errors}` }),
      );
    });
  }
}
