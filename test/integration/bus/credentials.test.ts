import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { connectWire, type NatsWire, type WireSettings } from '../../../src/bus/connection.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { until } from '../until.ts';
import { certificates } from './certificates.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-credentials-'));
afterAll(() => rmSync(folder, { recursive: true }));

const wires: NatsWire[] = [];
afterEach(async () => {
  await Promise.all(wires.splice(0).map((wire) => wire.close()));
  await stopNatsServers();
});

function open(url: string, settings: Partial<WireSettings>) {
  const recording = new RecordingLog();
  const counters = new RecordingCounters();
  const all = { ...wireSettings, reconnectWaitMs: 50, ...settings };
  const wire = connectWire({
    link: 's',
    name: 'test',
    urls: [url],
    settings: all,
    log: recording.log,
    counters,
    clock,
    random,
  });
  wires.push(wire);
  return { wire, recording, counters };
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe.each(await natsBinaries())('credentials on nats-server $version', ({ binary }) => {
  it('BUS-18 user and password, token, from settings, from files and from the URL', async () => {
    const byPassword = await startNatsServer({
      binary,
      config: 'authorization { user: ann, password: "p@ss/word" }',
    });
    const byToken = await startNatsServer({ binary, config: 'authorization { token: "t0ken" }' });
    const all = [
      open(byPassword.url, { credentials: { user: 'ann', password: 'p@ss/word' } }),
      open(byPassword.url, { credentials: { user: 'ann', passwordFile: file('password', 'p@ss/word\n') } }),
      open(`nats://ann:p%40ss%2Fword@127.0.0.1:${byPassword.port}`, {}),
      open(byToken.url, { credentials: { token: 't0ken' } }),
      open(byToken.url, { credentials: { tokenFile: file('token', 't0ken\n') } }),
      open(`nats://t0ken@127.0.0.1:${byToken.port}`, {}),
    ];
    await until(() => all.every(({ wire }) => wire.state === 'up'));
    expect(all.flatMap(({ recording }) => recording.texts('warning'))).toEqual([]);
  });

  it('BUS-18 an nkey seed file, also as `nk` writes it', async () => {
    const user = nkeys.createUser();
    const seed = new TextDecoder().decode(user.getSeed());
    const config = `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`;
    const server = await startNatsServer({ binary, config });
    const plain = open(server.url, { credentials: { nkeySeedFile: file('plain.nk', `${seed}\n`) } });
    const framed = `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    const decorated = open(server.url, { credentials: { nkeySeedFile: file('framed.nk', framed) } });
    await until(() => plain.wire.state === 'up' && decorated.wire.state === 'up');
  });

  it('BUS-18 a creds file of an operator', async () => {
    const { config, creds } = operatorMode();
    const server = await startNatsServer({ binary, config });
    const { wire } = open(server.url, { credentials: { credsFile: file('user.creds', creds) } });
    await until(() => wire.state === 'up');
  });

  it('FLT-1202 wrong credentials are told once with advice, and tried until they are right', async () => {
    const passwordFile = file('rotated', 'wrong');
    const server = await startNatsServer({ binary, config: 'authorization { user: ann, password: first }' });
    const { wire, recording } = open(server.url, { credentials: { user: 'ann', passwordFile } });
    await until(() => recording.texts('debug').length >= 3);
    expect(wire.state).toBe('connecting');
    expect(recording.problems('FLT-1202')).toHaveLength(1);
    expect(recording.problems('FLT-1202')[0]?.fields.advice).toContain('Check user, password');
    writeFileSync(passwordFile, 'first');
    await until(() => wire.state === 'up');
  });

  it('BUS-18 a password that was rotated while connected is read anew at the reconnect', async () => {
    const passwordFile = file('rotating', 'one');
    const server = await startNatsServer({ binary, config: 'authorization { user: ann, password: one }' });
    const { wire } = open(server.url, { credentials: { user: 'ann', passwordFile } });
    await until(() => wire.state === 'up');
    const states: string[] = [];
    wire.onState((state) => states.push(state));
    writeFileSync(passwordFile, 'two');
    await server.reload('authorization { user: ann, password: two }');
    await until(() => states.join() === 'down,up');
  });

  it('FLT-1202 a file that cannot be read, or holds no seed, is named', async () => {
    const server = await startNatsServer({ binary });
    const missing = join(folder, 'missing.nk');
    const absent = open(server.url, { credentials: { nkeySeedFile: missing } });
    const empty = open(server.url, { credentials: { nkeySeedFile: file('empty.nk', 'nothing') } });
    const broken = open(server.url, { credentials: { credsFile: file('broken.creds', 'nothing') } });
    const all = [absent, empty, broken];
    await until(() => all.every(({ recording }) => recording.problems('FLT-1202').length === 1));
    expect(absent.recording.problems('FLT-1202')[0]?.text).toContain(missing);
    expect(empty.recording.problems('FLT-1202')[0]?.text).toContain('empty.nk');
  });

  it('FLT-1202 a refused publish or subscription is told and counted, and the rest goes on', async () => {
    const permissions = 'permissions: { publish: "open.>", subscribe: "open.>" }';
    const config = (rights: string) => `authorization { users: [ { user: u, password: p, ${rights} } ] }`;
    const server = await startNatsServer({ binary, config: config(permissions) });
    const { wire, recording, counters } = open(server.url, { credentials: { user: 'u', password: 'p' } });
    const received: string[] = [];
    for (const pattern of ['open.x', 'closed.x'])
      wire.subscribe(pattern, ({ subject }) => received.push(subject));
    await until(() => wire.state === 'up');
    wire.publish('closed.x', bytes(''));
    wire.publish('open.x', bytes(''));
    await until(() => received.length === 1 && counters.count('bus_permission_violations') >= 2);
    const problems = recording.problems('FLT-1202').map(({ text }) => text);
    expect(problems.filter((text) => text.includes('publish "closed.x"'))).toHaveLength(1);
    expect(problems.filter((text) => text.includes('subscription "closed.x"'))).toHaveLength(1);
    expect(wire.state).toBe('up');

    await server.reload(config('permissions: { publish: ">", subscribe: ">" }'));
    await until(() => {
      wire.publish('closed.x', bytes(''));
      return received.includes('closed.x');
    });
  });

  it('BUS-18 TLS: own authority, client certificate, and refusal of an authority that is not trusted', async () => {
    const pki = certificates(folder);
    const tls = `tls { cert_file: "${pki.server.cert}", key_file: "${pki.server.key}", ca_file: "${pki.ca}", verify: true }`;
    const server = await startNatsServer({ binary, config: tls });
    const certified = { caFile: pki.ca, certFile: pki.client.cert, keyFile: pki.client.key };
    const byAddress = open(server.url, { tls: certified });
    const byName = open(`tls://localhost:${server.port}`, { tls: certified });
    const untrusted = open(server.url, { tls: { ...certified, caFile: pki.otherCa } });
    const anonymous = open(server.url, { tls: { caFile: pki.ca } });
    const unreadable = open(server.url, { tls: { caFile: join(folder, 'no-such-ca.pem') } });
    const systemOnly = open(`tls://localhost:${server.port}`, {});
    const refused = [untrusted, anonymous, unreadable, systemOnly];
    await until(() => byAddress.wire.state === 'up' && byName.wire.state === 'up');
    await until(() => refused.every(({ recording }) => recording.problems('FLT-1201').length >= 1));
    expect(refused.map(({ wire }) => wire.state)).toEqual(refused.map(() => 'connecting'));
    expect(unreadable.recording.problems('FLT-1201')[0]?.text).toContain('no-such-ca.pem');
  });

  it('BUS-18 TLS: a certificate for another host is refused', async () => {
    const pki = certificates(folder);
    const tls = `tls { cert_file: "${pki.client.cert}", key_file: "${pki.client.key}", ca_file: "${pki.ca}" }`;
    const server = await startNatsServer({ binary, config: tls });
    for (const url of [`tls://localhost:${server.port}`, server.url]) {
      const { wire, recording } = open(url, { tls: { caFile: pki.ca } });
      await until(() => recording.problems('FLT-1201').length === 1);
      expect(wire.state).toBe('connecting');
    }
  });

  it('BUS-18 TLS files are read anew at the reconnect', async () => {
    const pki = certificates(folder);
    const config = `tls { cert_file: "${pki.server.cert}", key_file: "${pki.server.key}" }`;
    const server = await startNatsServer({ binary, config });
    const caFile = file('ca-rotated.pem', readFileSync(pki.otherCa, 'utf8'));
    const { wire, recording } = open(server.url, { tls: { caFile } });
    await until(() => recording.problems('FLT-1201').length === 1);
    writeFileSync(caFile, readFileSync(pki.ca, 'utf8'));
    await until(() => wire.state === 'up');
  });
});

/** A server that trusts an operator's signature, and the creds file of one user of one account. */
function operatorMode(): { config: string; creds: string } {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
  const encode = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const jwt = (issuer: typeof operator, subject: string, type: string, more: object = {}) => {
    const claims = {
      jti: subject.slice(0, 20),
      iat: Math.floor(Date.now() / 1000),
      iss: issuer.getPublicKey(),
      name: type,
      sub: subject,
      nats: { type, version: 2, ...more },
    };
    const body = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`;
    return `${body}.${Buffer.from(issuer.sign(bytes(body))).toString('base64url')}`;
  };
  const unlimited = {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  };
  const operatorJwt = jwt(operator, operator.getPublicKey(), 'operator');
  const accountJwt = jwt(operator, account.getPublicKey(), 'account', { limits: unlimited });
  const userJwt = jwt(account, user.getPublicKey(), 'user', { subs: -1, data: -1, payload: -1 });
  const seed = new TextDecoder().decode(user.getSeed());
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    creds: `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
  };
}
