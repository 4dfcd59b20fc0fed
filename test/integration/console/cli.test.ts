import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { bin, CommandLine, root } from './command-line.ts';

const commandLine = new CommandLine();
const { directory, run } = commandLine;

afterAll(() => commandLine.remove());

describe('flotilla: wrong arguments', () => {
  it.each([
    [[], 'no command given'],
    [['nod'], "unknown command 'nod' (Did you mean node?)"],
    [['--nope'], "unknown option '--nope'"],
    [['node', '--nope'], "unknown option '--nope'"],
    [['node', 'x'], "too many arguments for 'node'. Expected 0 arguments but got 1"],
    [['manager', '--nope'], "unknown option '--nope'"],
    [['cidr-maintain'], "required option '-c, --config <file>' not specified"],
    [['node', '--config'], "option '-c, --config <file>' argument missing"],
    [
      ['node', '--servers', 'a,,b'],
      "option '--servers <url,...>' argument 'a,,b' is invalid. Separate the URLs by commas",
    ],
    [['check-config'], "missing required argument 'file'"],
    [['check-config', 'a', 'b'], "too many arguments for 'check-config'. Expected 1 argument but got 2"],
    [['version', 'x'], "too many arguments for 'version'. Expected 0 arguments but got 1"],
    [['help', 'nothing'], "unknown command 'nothing'"],
    [
      ['console', 'relay-1'],
      "'relay-1' is no console endpoint: use /path, host:port, [v6]:port or nats://server/node",
    ],
    [
      ['console', '-t', '0'],
      "option '-t <seconds>' argument '0' is invalid. Give a number of seconds above 0",
    ],
    [['console', '-x', '-j'], "option '-x' cannot be used with option '-j'"],
    [['console', '/tmp/x', '--nope'], "unknown option '--nope'"],
  ])('%j: one clear line and exit 2', async (args, problem) => {
    expect(await run(args)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `flotilla: ${problem}; see 'flotilla help'\n`,
    });
  });
});

describe('flotilla version and help', () => {
  it('prints the version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await run(['version'])).toEqual({ exitCode: 0, stdout: `flotilla ${version}\n`, stderr: '' });
    expect((await run(['--version'])).stdout).toBe(`flotilla ${version}\n`);
  });

  it('help names every command, help of one explains it', async () => {
    const { exitCode, stdout } = await run(['help']);
    expect(exitCode).toBe(0);
    for (const command of ['node', 'manager', 'console', 'check-config', 'version', 'help'])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect((await run(['help', 'node'])).stdout).toContain('--state-dir <directory>');
  });
});

describe('flotilla cidr', () => {
  const day = '20260102';
  const questions = ['show available', 'show count for 10.0.0.0/8 in spam', 'what is this'];
  const available = `spam : ${day}T000001 => ${day}T000001`;
  const counted = '10.0.0.1/32        :         7';

  function journals(): string {
    const folder = join(directory, 'journals');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, `spam.${day}T000001`),
      `#audit_series v1 spam cidr ${day}T000000 ${day}T000001\n10.0.0.1\t7\n`,
    );
    return folder;
  }

  it('REP-12.1 REP-12.8 answers one question after another from its input, and ends with it', async () => {
    const given = `${questions.join('\n')}\n\nshow count for 10.0.0.1/32 in spam`;
    expect(await run(['cidr', '-d', journals()], given)).toEqual({
      exitCode: 0,
      stdout: `${available}\n${counted}\n${counted}\n`,
      stderr: '',
    });
  });

  it('REP-12.1 a person gets a prompt, and leaves with Ctrl-D', async () => {
    // A terminal of its own, in which what is typed is seen.
    const terminal = spawn('script', ['-qec', `${bin} cidr -d ${journals()}`, '/dev/null']);
    let seen = '';
    terminal.stdout.on('data', (text) => (seen += text));
    const ended = once(terminal, 'close');
    await until(() => seen.includes('cidr> '));
    terminal.stdin.write(`${questions[1]}\r`);
    await until(() => seen.split(counted)[1]?.includes('cidr> ') ?? false);
    terminal.stdin.write('\u0004');
    expect(await ended).toEqual([0, null]);
  });
});

describe('flotilla passwd', () => {
  it('CON-29 keeps users with their hashes, replaces them and takes them out', async () => {
    const file = join(directory, 'passwd');
    expect(await run(['passwd', file, 'tom'], 'sesame\n')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await run(['passwd', file, 'ann'], 'other\n')).exitCode).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, 'utf8');
    expect(before).toMatch(/^tom:\$scrypt\$ln=15,r=8,p=1\$\S+\nann:\$scrypt\$\S+\n$/);
    expect((await run(['passwd', file, 'tom'], 'changed\n')).exitCode).toBe(0);
    expect(readFileSync(file, 'utf8').split('\n')[0]).toBe(before.split('\n')[1]);
    expect((await run(['passwd', '-D', file, 'ann'])).exitCode).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^tom:\S+\n$/);
    for (const [words, input, problem] of [
      [['-D', file, 'ann'], '', `there is no user 'ann' in ${file}`],
      [[file, 'a:b'], 'x\n', "'a:b' is no user name"],
      [[file, 'tom'], '\n', 'the password is empty'],
    ] as const) {
      const outcome = await run(['passwd', ...words], input);
      expect(outcome.exitCode).toBe(1);
      expect(outcome.stderr).toContain(problem);
    }
  });
});

describe('flotilla check-config', () => {
  it('CONF-9.2 exits 0 for a valid file, 1 with its problems for an invalid one, 2 when there is none', async () => {
    const good = join(directory, 'good.conf');
    const bad = join(directory, 'bad.conf');
    writeFileSync(
      good,
      'cluster {\n  nodename = "relay-1"\n  nodeaddr = "10.0.0.1"\n  Replicate "inbound_cidr" {}\n}\n',
    );
    writeFileSync(bad, 'cluster {\n  if_down_limt = 4\n}\n');
    expect(await run(['check-config', good])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Configuration valid'),
    });
    expect(await run(['check-config', bad])).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining(`${bad}:2:3: error CFG-2002`),
    });
    expect((await run(['check-config', join(directory, 'none.conf')])).exitCode).toBe(2);
    const { exitCode, stdout } = await run(['check-config', '--json', bad]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)[0]).toMatchObject({ line: 2, column: 3, code: 'CFG-2002' });
  });
});

describe('flotilla migrate-conf', () => {
  const old = 'Domain /^a/ { }\ninclude "part.conf"\ninclude "all"\n';
  const oldFiles = { 'main.conf': old, 'part.conf': 'logs [ a = b ]\n', 'all/one.conf': 'Host /b/ { }\n' };

  function oldDirectory(): string {
    const place = mkdtempSync(join(directory, 'old-'));
    mkdirSync(join(place, 'all'));
    for (const [name, text] of Object.entries(oldFiles))
      writeFileSync(join(place, name), text, { mode: 0o640 });
    return place;
  }
  const read = (place: string, name: string) => readFileSync(join(place, name), 'utf8');

  it('CONF-3.2 rewrites in place what is included, too, and keeps the originals, out of the way of an include', async () => {
    const place = oldDirectory();
    const { exitCode, stdout } = await run(['migrate-conf', join(place, 'main.conf')]);
    expect({ exitCode, lastLine: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      exitCode: 0,
      lastLine: 'Files changed: 3, in 3 places; left to you: 0.',
    });
    expect(stdout).toContain(`${place}/part.conf:1:1: 'logs [' is 'logs = [' now`);
    expect(read(place, 'main.conf')).toBe(old.replace('/^a/', '"/^a/"'));
    expect(read(place, 'part.conf')).toBe('logs = [ a = b ]\n');
    expect(read(place, 'all/one.conf')).toBe('Host "/b/" { }\n');
    expect(statSync(join(place, 'part.conf')).mode & 0o777).toBe(0o640);
    expect(read(place, 'main.conf.bak')).toBe(old);
    expect(read(place, 'part.conf.bak')).toBe(oldFiles['part.conf']);
    expect(readdirSync(join(place, 'all')).sort()).toEqual(['.one.conf.bak', 'one.conf']);
    const again = await run(['migrate-conf', join(place, 'main.conf')]);
    expect(again).toMatchObject({ exitCode: 0, stdout: 'Files changed: 0, in 0 places; left to you: 0.\n' });
  });

  it('CONF-3.2 writes nothing where an original was kept before, a file cannot be read, or --dry-run asks for it', async () => {
    const place = oldDirectory();
    const unchanged = () =>
      expect(Object.keys(oldFiles).map((name) => read(place, name))).toEqual(Object.values(oldFiles));
    expect(await run(['migrate-conf', '-n', join(place, 'main.conf')])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Files to be changed: 3, in 3 places; left to you: 0.'),
    });
    unchanged();
    writeFileSync(join(place, 'part.conf.bak'), 'precious');
    const refused = await run(['migrate-conf', join(place, 'main.conf')]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toBe(
      `${place}/part.conf.bak is there already, so nothing was changed: move it away\n`,
    );
    expect([existsSync(join(place, 'main.conf.bak')), read(place, 'part.conf.bak')]).toEqual([
      false,
      'precious',
    ]);
    unchanged();
    rmSync(join(place, 'part.conf.bak'));
    writeFileSync(join(place, 'broken.conf'), 'a = "b\n');
    const broken = await run(['migrate-conf', join(place, 'main.conf'), join(place, 'broken.conf')]);
    expect(broken).toMatchObject({ exitCode: 1, stderr: 'Nothing was changed.\n' });
    expect(broken.stdout).toContain(`${place}/broken.conf:1:5: error CFG-1101`);
    unchanged();
  });

  it('CONF-3.2 reads standard input and writes standard output; what is left to a person makes it exit 1', async () => {
    expect(await run(['migrate-conf'], 'Domain /a/ { }\nx')).toEqual({
      exitCode: 1,
      stdout: 'Domain "/a/" { }\nx',
      stderr:
        "standard input:1:8: the regular expression is in quotes now\nstandard input:2:1: left as it is: 'x' is not understood\n",
    });
  });
});
