import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Accounting, accountingLine } from '../../../src/console/access/accounting.ts';
import { Entrance } from '../../../src/console/access/entrance.ts';
import { controlGroupGate, sessionGate } from '../../../src/console/access/gate.ts';
import { Roles } from '../../../src/console/access/roles.ts';
import { formatScryptHash, hashPassword, parseScryptHash } from '../../../src/console/access/scrypt-hash.ts';
import { groupsOf, isPassword } from '../../../src/console/access/user-files.ts';
import { said } from '../../../src/console/answer.ts';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import type { ControlAccess, PasswordFile } from '../../../src/core/settings.ts';
import { Recorder } from '../recorder.ts';
import { collect, fakeNode, interpreterOf, silentLog } from './fake-node.ts';
import { accessParts, openAccess } from './open-access.ts';

/** So that a test does not take seconds. */
const cheap = { ln: 4, r: 1, p: 1 };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-access-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

describe('CON-29 passwords', () => {
  it('hashed with scrypt: the right one, another one, nobody', async () => {
    const path = file('passwd', `# people\ntom:${await hashPassword('sesame', cheap)}\n\nann:no hash\n`);
    const files: PasswordFile[] = [{ kind: 'scrypt', path }];
    expect(await isPassword(files, 'tom', 'sesame')).toBe(true);
    for (const [user, password] of [
      ['tom', 'Sesame'],
      ['tom', ''],
      ['ann', 'no hash'],
      ['bob', 'sesame'],
      ['', 'sesame'],
      ['# people', ''],
    ] as const)
      expect(await isPassword(files, user, password)).toBe(false);
  });

  it('a hash that another tool made is understood', async () => {
    // From the documentation of passlib: scrypt.using(rounds=8).hash('password').
    const hash = '$scrypt$ln=8,r=8,p=1$WKs1xljLudd6z9kbY0wpJQ$yCR4iDZYDKv+iEJj6yHY0lv/epnfB6f/w1EbXrsJOuQ';
    const path = file('passwd', `tom:${hash}\n`);
    expect(formatScryptHash(parseScryptHash(hash)!)).toBe(hash);
    expect(await isPassword([{ kind: 'scrypt', path }], 'tom', 'password')).toBe(true);
    expect(await isPassword([{ kind: 'scrypt', path }], 'tom', 'passwore')).toBe(false);
  });

  it('a hash that would take the whole machine is none', () => {
    const hash = (cost: string) =>
      `$scrypt$${cost}$WKs1xljLudd6z9kbY0wpJQ$yCR4iDZYDKv+iEJj6yHY0lv/epnfB6f/w1EbXrsJOuQ`;
    expect(parseScryptHash(hash('ln=15,r=8,p=3'))).toBeDefined();
    for (const cost of ['ln=21,r=8,p=1', 'ln=15,r=8,p=200', 'ln=0,r=8,p=1', 'ln=99,r=1,p=1', 'ln=15,r=8'])
      expect(parseScryptHash(hash(cost))).toBeUndefined();
  });

  it('CON-26 htdigest files: of the realm that is set, or of any', async () => {
    const path = file(
      'digest',
      `# people\ntom:mail:${md5('tom:mail:sesame')}\ntom:web:${md5('tom:web:other')}\nann:mail\n`,
    );
    const any: PasswordFile[] = [{ kind: 'digest', path }];
    const mail: PasswordFile[] = [{ kind: 'digest', path, realm: 'mail' }];
    expect(await isPassword(mail, 'tom', 'sesame')).toBe(true);
    expect(await isPassword(mail, 'tom', 'other')).toBe(false);
    expect(await isPassword(any, 'tom', 'other')).toBe(true);
    expect(await isPassword(any, 'tom', md5('tom:web:other'))).toBe(false);
    expect(await isPassword(any, 'ann', '')).toBe(false);
  });

  it('CON-26 files in clear text', async () => {
    const files: PasswordFile[] = [{ kind: 'clear', path: file('clear', 'tom:se:same\r\nann:\n') }];
    expect(await isPassword(files, 'tom', 'se:same')).toBe(true);
    expect(await isPassword(files, 'tom', 'se')).toBe(false);
    expect(await isPassword(files, 'bob', '')).toBe(false);
  });

  it.each([
    ['that others may read', 0o604],
    ['that its group may write', 0o660],
  ])('FLT-1506 a file %s is not used', async (_, mode) => {
    const path = file('clear', 'tom:sesame\n', mode);
    await expect(isPassword([{ kind: 'clear', path }], 'tom', 'sesame')).rejects.toMatchObject({
      code: 'FLT-1506',
    });
  });

  it('FLT-1506 a file that is missing is not used', async () => {
    const path = join(directory, 'none');
    await expect(isPassword([{ kind: 'clear', path }], 'tom', '')).rejects.toMatchObject({
      code: 'FLT-1506',
    });
  });

  it('CON-32 groups, with three fields and with two', async () => {
    const path = file('groups', '# groups\nusers:tom,ann\nadmins:x:ann, tom \nothers:bob\n:tom\n', 0o644);
    expect(await groupsOf('tom', path)).toEqual(['users', 'admins']);
    expect(await groupsOf('bob', path)).toEqual(['others']);
    expect(await groupsOf('', path)).toEqual([]);
  });
});

describe('CON-36 accounting records', () => {
  it('have their fields whatever these hold, and no end of line', () => {
    const parts = fc.string({
      unit: fc.constantFrom('a', '@', '\\', '\n', '\r', '\0', '\u2028', '\ud800', '😀'),
    });
    fc.assert(
      fc.property(parts, parts, parts, (user, command, role) => {
        const lines: string[] = [];
        const accounting = new Accounting((record) => lines.push(accountingLine(record, 1_700_000_000_999)));
        accounting.authorisation({ listener: '/tmp/2025', peer: '' }, { user, command, role }, true);
        const [line] = lines;
        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(Buffer.from(line!).toString()).toBe(line);
        const fields = line!
          .match(/(?:[^@\\]|\\.)*(?:@|$)/g)!
          .slice(0, 8)
          .map((field) => field.replace(/@$/, ''));
        expect(fields.slice(0, 4)).toEqual(['1700000000', 'Z', '/tmp/2025', '']);
        expect(line!.replace(/\\./g, '').split('@')).toHaveLength(8);
      }),
    );
  });

  it('hold no password that a command sets, however long the command is', () => {
    const records: string[] = [];
    const { accounting } = accessParts([], records);
    const place = { listener: '/tmp/2025', peer: '' };
    const typed = (command: string) =>
      accounting.authorisation(place, { user: 'tom', command, role: undefined }, true);
    typed('config set Cluster bus_password hunter2');
    typed('broadcast "config set msgc_server secret hunter2"');
    typed('config set Datasource d uri "pgsql://tom:hunter2@host/mail"');
    for (const length of [4040, 4050, 4060, 8150])
      typed(`config set Datasource d uri "${'x'.repeat(length)} pgsql://tom:hunter2@host"`);
    expect(records.join('\n')).not.toMatch(/hunter2/);
    expect(records[0]).toContain('@config set Cluster bus_password ...');
  });

  it('say what became of a login and of a command', () => {
    const records: string[] = [];
    const { accounting } = accessParts([], records);
    const place = { listener: '10.0.0.1:2025', peer: '10.0.0.9' };
    accounting.authentication(place, 'tom', true);
    accounting.authentication(place, 'tom', false);
    accounting.authentication(place, '', 'timeout');
    accounting.authorisation(place, { user: 'tom', command: 'version', role: 'users' }, true);
    accounting.authorisation(place, { user: 'to@m', command: 'x\ny', role: undefined }, false);
    accounting.authorisation(place, { user: '', command: 'z'.repeat(5000), role: undefined }, 'undecided');
    expect(records).toEqual([
      'N@10.0.0.1:2025@10.0.0.9@tom@1',
      'N@10.0.0.1:2025@10.0.0.9@tom@0',
      'T@10.0.0.1:2025@10.0.0.9@@0',
      'Z@10.0.0.1:2025@10.0.0.9@tom@1@version@users',
      'Z@10.0.0.1:2025@10.0.0.9@to\\@m@0@x\\ny',
      `Z@10.0.0.1:2025@10.0.0.9@@-1@${'z'.repeat(4096)}...`,
    ]);
  });
});

const roles = [
  { name: 'users', allow: ['^version$', '^cluster shared show [^ ]+$'] },
  { name: 'tom', allow: ['^pid$'] },
  { name: 'cluster-manager', allow: ['^version$'] },
];

describe('CON-30 CON-31 roles', () => {
  const place = { listener: '/tmp/2025', peer: '' };

  function session(user: string, groups: readonly string[], records: string[] = []) {
    const ran: string[] = [];
    const registry = nodeRegistry(fakeNode());
    for (const words of ['pid', 'shutdown', 'cluster shared show'])
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
    const gate = sessionGate(accessParts(roles, records), {
      identity: { user, groups },
      place,
      rule: 'by role',
    });
    const interpreter = interpreterOf(registry);
    return { ran, type: (line: string) => collect(interpreter.run(line, 'text', gate)) };
  }

  it('the name of a user and each of his groups is a role; the first that matches allows', async () => {
    const records: string[] = [];
    const { type, ran } = session('tom', ['users'], records);
    expect((await type('pid')).status).toBe(0);
    expect((await type('version')).status).toBe(0);
    expect(await type('shutdown')).toMatchObject({ status: 3, text: 'Not Authorized for this command\n' });
    expect(await type('xml shutdown')).toMatchObject({
      status: 3,
      text: '<Response><![CDATA[Not Authorized for this command]]></Response>\n',
    });
    expect(ran).toEqual(['pid']);
    expect(records).toEqual([
      'Z@/tmp/2025@@tom@1@pid@tom',
      'Z@/tmp/2025@@tom@1@version@users',
      'Z@/tmp/2025@@tom@0@shutdown',
      'Z@/tmp/2025@@tom@0@shutdown',
    ]);
  });

  it('who has no role may do nothing, and does not learn which commands there are', async () => {
    const { type, ran } = session('', ['']);
    for (const line of ['pid', 'version', 'help', 'nonsense']) expect((await type(line)).status).toBe(3);
    expect(ran).toEqual([]);
  });

  it.each([
    'xml shutdown',
    'JSON "shutdown"',
    ' \t\n shutdown',
    'SHUTDOWN',
    '"shut""down"',
    'shutdown version',
    'version" "shutdown',
    'version\nshutdown',
    'cluster shared show a b',
    'cluster shared show "a b"',
    'cluster shared show a\n',
    'x:y version',
    '"version\n"',
    'shutdown:x',
  ])('INV-34 CON-34 %j gets past no pattern by prefix, quoting or white space', async (line) => {
    const { type, ran } = session('ann', ['users']);
    await type(line);
    expect(ran.filter((each) => !/^cluster shared show [^ ]+$/.test(each))).toEqual([]);
  });

  it('INV-34 whatever is typed: what runs is what a role allows, and each line that can be read has one record', async () => {
    const pieces = [
      'shutdown',
      'version',
      'cluster',
      'shared',
      'show',
      'pid',
      'xml',
      'json',
      'SHOW',
      ' ',
      '\n',
      '\t',
      '"',
      '\\',
      '\\"',
      '#',
      'a',
      ':x',
    ];
    const line = fc.array(fc.constantFrom(...pieces), { maxLength: 9 }).map((each) => each.join(''));
    const spaced = fc.array(fc.constantFrom(...pieces), { maxLength: 9 }).map((each) => each.join(' '));
    await fc.assert(
      fc.asyncProperty(fc.oneof(line, spaced), async (text) => {
        const records: string[] = [];
        const { type, ran } = session('ann', ['users'], records);
        const { status } = await type(text);
        for (const each of ran) expect(each).toMatch(/^cluster shared show [^ ]+$/);
        expect(records.length).toBe(status === 4 && records.length === 0 ? 0 : 1);
        if (ran.length > 0) expect(records[0]).toMatch(/@1@.*@users$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('roles that are changed count for the next command of a session that is open', async () => {
    const parts = accessParts(roles);
    const gate = sessionGate(parts, { identity: { user: 'tom', groups: [] }, place, rule: 'by role' });
    expect(gate.admits('pid')).toBe(true);
    parts.roles.configure([]);
    expect(gate.admits('pid')).toBe(false);
    expect(gate.roles).toEqual([]);
  });

  it('a line too long to be compared is refused', () => {
    const parts = new Roles([{ name: 'tom', allow: ['.*'] }]);
    expect(parts.allowing({ user: 'tom', groups: [] }, 'x'.repeat(8192))).toBe('tom');
    expect(parts.allowing({ user: 'tom', groups: [] }, 'x'.repeat(8193))).toBeUndefined();
  });

  it('CON-35 commands of the control group are those of the role cluster-manager, or all where it is not defined', () => {
    const records: string[] = [];
    const parts = accessParts(roles, records);
    const gate = controlGroupGate(parts);
    expect(gate.admits('version')).toBe(true);
    expect(gate.admits('shutdown')).toBe(false);
    parts.roles.configure([]);
    expect(gate.admits('shutdown')).toBe(true);
    expect(records).toEqual([
      'Z@nats@@cluster-manager@1@version@cluster-manager',
      'Z@nats@@cluster-manager@0@shutdown',
      'Z@nats@@cluster-manager@-1@shutdown',
    ]);
  });

  it('CMD-2 authz id and authz roles list are XML', async () => {
    const gate = sessionGate(accessParts(roles), {
      identity: { user: 'tom', groups: ['users'] },
      place,
      rule: 'undecided',
    });
    const interpreter = interpreterOf(nodeRegistry(fakeNode()));
    const type = async (line: string) => (await collect(interpreter.run(line, 'text', gate))).text;
    const id = '<AuthzInformation username="tom"><Roles><Role name="users"/></Roles></AuthzInformation>\n';
    const list = '<Roles><Role name="users"/><Role name="tom"/><Role name="cluster-manager"/></Roles>\n';
    expect(await type('authz id')).toBe(id);
    expect(await type('xml authz id')).toBe(id);
    expect(await type('authz roles list')).toBe(list);
    expect(await type('json authz id')).toBe('{"username":"tom","roles":["users"]}\n');
  });
});

describe('CON-24 the way in', () => {
  const place = { listener: '127.0.0.1:2025', peer: '127.0.0.1' };

  async function arrive(
    access: Partial<ControlAccess>,
    more: Partial<Parameters<typeof Entrance.of>[0]> = {},
  ) {
    const records: string[] = [];
    const recorder = new Recorder();
    const entrance = await Entrance.of(
      {
        place,
        access: { ...openAccess, ...access },
        systemUser: undefined,
        certificate: undefined,
        isPrivate: true,
        ...more,
      },
      { ...accessParts(roles, records), log: recorder.log },
    );
    return { entrance, records, recorder };
  }

  const passwords = (): Pick<ControlAccess, 'authenticate' | 'passwordFiles'> => ({
    authenticate: true,
    passwordFiles: [{ kind: 'clear', path: file('clear', 'tom:sesame\n') }],
  });

  it('is open where no login is wanted, for nobody in particular', async () => {
    const { entrance, records } = await arrive({});
    expect(entrance.gate?.identity).toEqual({ user: '', groups: [] });
    expect(records).toEqual([]);
  });

  it('CON-25 the user of the system is who comes by a Unix socket, without a password', async () => {
    const { entrance, records } = await arrive(passwords(), { systemUser: 'root' });
    expect(entrance.gate?.identity.user).toBe('root');
    expect(records).toEqual(['N@127.0.0.1:2025@127.0.0.1@root@1']);
  });

  it('opens with the right password only, and ends after three wrong ones', async () => {
    const { entrance, records } = await arrive(passwords());
    expect(entrance.gate).toBeUndefined();
    expect(await entrance.login('tom', 'wrong')).toBe(false);
    expect(await entrance.login('tom', 'sesame')).toBe(true);
    expect(entrance.gate?.identity.user).toBe('tom');
    expect(records.map((record) => record.at(-1))).toEqual(['0', '1']);
    const other = await arrive(passwords());
    for (let attempt = 0; attempt < 3; attempt++) await other.entrance.login('tom', 'wrong');
    expect(other.entrance.refusal).toBe('Too many attempts');
    expect(await other.entrance.login('tom', 'sesame')).toBe(false);
    expect(other.entrance.gate).toBeUndefined();
  });

  it('CON-32 whoever logs in has the groups of the file', async () => {
    const groupsFile = file('groups', 'users:tom\n', 0o644);
    const { entrance } = await arrive({ ...passwords(), groupsFile });
    await entrance.login('tom', 'sesame');
    expect(entrance.gate?.identity).toEqual({ user: 'tom', groups: ['users'] });
  });

  it('CON-28 Always_Allow needs no login and no role; Always_Deny wins', async () => {
    const { entrance, records } = await arrive({ ...passwords(), authorize: true, alwaysAllow: true });
    expect(entrance.gate?.admits('shutdown')).toBe(true);
    expect(records).toEqual(['Z@127.0.0.1:2025@127.0.0.1@@1@shutdown']);
    const denied = await arrive({ alwaysAllow: true, alwaysDeny: true }, { systemUser: 'root' });
    expect(denied.entrance.gate).toBeUndefined();
    expect(denied.entrance.refusal).toBe('Access denied');
    expect(denied.records).toEqual(['N@127.0.0.1:2025@127.0.0.1@root@0']);
  });

  it('CON-29 who can be overheard is turned away; so is who has a certificate that is not valid', async () => {
    expect((await arrive({}, { isPrivate: false })).entrance.refusal).toContain('need TLS');
    const expired = { user: 'tom', problem: 'it has expired' };
    const { entrance, records } = await arrive({ alwaysAllow: true }, { certificate: expired });
    expect(entrance.refusal).toBe('The client certificate is not valid: it has expired');
    expect(records).toEqual(['N@127.0.0.1:2025@127.0.0.1@tom@0']);
  });

  it('CON-29 a valid certificate needs no password; without one and without passwords there is no way in', async () => {
    const valid = { user: 'tom', problem: undefined };
    expect((await arrive(passwords(), { certificate: valid })).entrance.gate?.identity.user).toBe('tom');
    const { entrance, records } = await arrive({ authenticate: true });
    expect(entrance.refusal).toBe('A client certificate is needed');
    expect(records).toEqual(['N@127.0.0.1:2025@127.0.0.1@@0']);
  });

  it('CON-36 a login that does not come in time is recorded, and does not count later', async () => {
    const { entrance, records } = await arrive(passwords());
    entrance.late();
    entrance.late();
    expect(await entrance.login('tom', 'sesame')).toBe(false);
    expect(records).toEqual(['T@127.0.0.1:2025@127.0.0.1@@0']);
  });

  it('FLT-1506 a file that cannot be used lets nobody in, and the log says what to do', async () => {
    const path = file('clear', 'tom:sesame\n', 0o666);
    const { entrance, recorder } = await arrive({
      authenticate: true,
      passwordFiles: [{ kind: 'clear', path }],
    });
    expect(await entrance.login('tom', 'sesame')).toBe(false);
    expect(recorder.texts('error').join()).toContain('chmod');
    expect(silentLog).toBeDefined();
  });
});
