/** The tour of docs/guides/operating.md, typed as it stands there into a shell on a machine of its own, prints what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';

const root = join(import.meta.dirname, '../../..');
const guide = readFileSync(join(root, 'docs/guides/operating.md'), 'utf8');

interface Step {
  /** Of one command, with the lines that it goes on with. */
  readonly typed: string;
  readonly printed: string;
}

/** Of all blocks of the kind `console`. */
const steps: readonly Step[] = [...guide.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(
  ([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const lines = text.split('\n').slice(0, -1);
        const end = lines.findIndex((line, at) => at > 0 && !line.startsWith('> '));
        const typed = lines
          .slice(0, end < 0 ? lines.length : end)
          .map((line, at) => (at === 0 ? line : line.slice(2)));
        return { typed: typed.join('\n'), printed: end < 0 ? '' : `${lines.slice(end).join('\n')}\n` };
      }),
);

/** A shell with a network and processes of its own: all of them end with it. */
class Shell {
  readonly #child: ChildProcess;
  #output = '';
  #marks = 0;

  constructor(folder: string, path: string) {
    const unshared = ['--net', '--pid', '--fork', '--kill-child', 'bash', '--noprofile', '--norc'];
    this.#child = spawn('unshare', unshared, {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${path}:${process.env.PATH}`, HOME: folder },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
  }

  /** What it prints. */
  async type(line: string): Promise<string> {
    const mark = `--- ${this.#marks++} ---\n`;
    this.#output = '';
    // The result of the command is that of the next one, too, which may ask for it.
    this.#child.stdin?.write(`${line}\n{ code=$?; echo "${mark.trim()}"; (exit $code); }\n`);
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(`the shell ended:\n${this.#output}`);
      return this.#output.includes(mark);
    }, 60_000);
    return this.#output.replace(mark, '');
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

let folder: string;
let shell: Shell;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'flotilla-tour-')));
  const bin = mkdtempSync(join(folder, '.bin-'));
  writeFileSync(
    join(bin, 'flotilla'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/flotilla')}" "$@"\n`,
  );
  chmodSync(join(bin, 'flotilla'), 0o755);
  shell = new Shell(folder, bin);
  await shell.type('ip link set lo up');
});

afterAll(() => {
  shell?.end();
  rmSync(folder, { recursive: true, force: true });
});

/** Without what differs each time: process ids, times, folders, and the word of the shell about who was killed. */
function plain(text: string): string {
  return text
    .replaceAll(folder, '/tmp/tour')
    .replace(/^bash: line \d+: +\d+ Killed .*\n/gm, '')
    .replace(/#ec(\d)-\d{5}#/g, '#ec$1-PID#')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
}

/** What changes something is typed once; what only asks is asked again until things have got as far as the guide says. */
const onlyAsks = (typed: string) => /^(cat \w|console \S+ (cluster|show|retrieve|version)\b)/.test(typed);

describe('docs/guides/operating.md', () => {
  it('the tour has its parts', () => {
    expect(steps.length).toBeGreaterThan(20);
    expect(steps.filter(({ printed }) => printed !== '').length).toBeGreaterThan(12);
  });

  it('MGR-6 MGR-8 CON-18 CON-35 CONF-10 each command of the tour prints what stands under it', async () => {
    for (const { typed, printed } of steps) {
      let answer = await shell.type(typed);
      const isRight = () => plain(answer) === plain(printed);
      if (!isRight() && onlyAsks(typed))
        await until(async () => {
          answer = await shell.type(typed);
          return isRight();
        }, 60_000).catch(() => {});
      expect(`$ ${typed}\n${plain(answer)}`).toBe(`$ ${typed}\n${plain(printed)}`);
    }
  }, 300_000);
});
