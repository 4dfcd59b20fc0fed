import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutCredentials, withoutSecrets } from '../../../src/core/secrets.ts';

describe('CON-21 texts without passwords', () => {
  it.each([
    ['config set cluster bus_password hunter2', 'config set cluster bus_password ...'],
    ['config set Cluster Bus_Password = "hunter 2"', 'config set Cluster Bus_Password = ...'],
    ['broadcast "config set cluster bus_token hunter2"', 'broadcast "config set cluster bus_token ...'],
    ['broadcast "config set cluster \\"secret\\" hunter2"', 'broadcast "config set cluster \\"secret\\" ...'],
    ['confg sett msgc_server secret hunter2', 'confg sett msgc_server secret ...'],
    ['  secret = "hunter2"   # or another', '  secret = ...'],
    [
      'config set cluster servers nats://tom:hunter2@a:4222',
      'config set cluster servers nats://tom:...@a:4222',
    ],
    ['config set cluster servers ( tom:hun@ter2@a b )', 'config set cluster servers ( tom:...@a b )'],
    ['config set cluster servers hunter2@a:4222', 'config set cluster servers ...@a:4222'],
    ['config set msgc_client server ("tls://hunter2@a")', 'config set msgc_client server ("tls://...@a")'],
    [
      'config set Datasource d uri "pgsql:host=a password=hunter2 dbname=b"',
      'config set Datasource d uri "pgsql:host=a password=...',
    ],
  ])('%s', (line, shown) => expect(withoutSecrets(line)).toBe(shown));

  it.each([
    'config get cluster bus_password',
    'config unset cluster bus_token',
    'config set cluster bus_password_file /etc/flotilla/secret',
    'config set Control_Listener Listen "[::1]:2025" tls_key /etc/secret/key.pem',
    'cluster duravip move 10.1.1.1 relay-2',
    'config set Domain example.com gateway tom@example.com',
  ])('nothing is hidden of: %s', (line) => expect(withoutSecrets(line)).toBe(line));

  it.each([
    ['pgsql://tom:hunter2@a:5432/mail?sslmode=require', 'pgsql://tom:...@a:5432/mail?sslmode=require'],
    ['pgsql://tom@a/mail?password=hunter2&x=1', 'pgsql://tom@a/mail?password=...&x=1'],
    ["pgsql:host=a password='hun \\' ter2' dbname=b", 'pgsql:host=a password=... dbname=b'],
    ["pgsql:host=a password = 'hunter2", 'pgsql:host=a password = ...'],
    ['odbc:DSN=a;UID=tom;PWD={hun;ter2};Database=b', 'odbc:DSN=a;UID=tom;PWD=...;Database=b'],
    ['odbc:DSN=a;pwd=hunter2', 'odbc:DSN=a;pwd=...'],
    ['sqlite:/var/lib/mail.db', 'sqlite:/var/lib/mail.db'],
  ])('%s', (uri, shown) => expect(withoutCredentials(uri)).toBe(shown));

  it('MGR-8 what was shown is shown the same again', () => {
    const word = fc.oneof(
      fc.constantFrom(
        'bus_password',
        '=',
        '...',
        '"pwd',
        'tls://a:b@c',
        'servers',
        'a@b',
        'token=x;',
        "secret'",
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const shown = withoutSecrets(words.join(' '));
        expect(withoutSecrets(shown)).toBe(shown);
      }),
    );
  });

  it('whatever the password holds, and whatever the line, it is not in the text, and nothing takes long', () => {
    const password = fc.stringMatching(/^[!-~]{4,30}$/).map((text) => `Zq${text}qZ`);
    fc.assert(
      fc.property(password, fc.string(), (secret, before) => {
        expect(withoutSecrets(`${before} bus_password ${secret}`)).not.toContain(secret);
        const plain = secret.replace(/["'/]/g, '-');
        expect(withoutCredentials(`pgsql://tom:${plain}@host/mail`)).not.toContain(plain);
      }),
    );
    for (const piece of ['password', 'a:', '=a:', '://', '@', 'a_', ' ', '"', "'", 'pwd={', 'token=\\"'])
      withoutSecrets(piece.repeat(4096));
  });
});
