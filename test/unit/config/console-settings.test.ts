import { describe, expect, it } from 'vitest';
import { openEndpoint } from '../console/open-access.ts';
import { checkText, codes, settingsOf } from './checked.ts';

describe('CON-24 access to the console', () => {
  const files = 'AuthLoginParameters = [ uri = "scrypt:///etc/flotilla/passwd" ]';

  it('CON-2 CON-33 each network has the values of the fallback: its own, of the Listen, of the listener for it, of the listener', () => {
    const [endpoint] = settingsOf(`Control_Listener {
      Enable_Authentication = true  ${files}  timeout = 10
      AuthorizationParameters = [ uri = "groups:///etc/flotilla/groups" ]
      Peer "10.0.0.0/8" { timeout = 20  always_allow = true }
      Listen "127.0.0.1:2025" {
        Enable_Authorization = true
        Peer "10.1.0.0/16" { Enable_Authentication = false }
        Peer "10.1.1.0/24" { Always_Deny = true  timeout = 30 }
      }
    }
    Authorization { Role "a" { allow = ( "^version$" "^pid$" ) } Role "b" { } }`).control;
    const base = {
      ...openEndpoint({ path: '' }).access,
      timeoutMs: 10_000,
      authenticate: true,
      authorize: true,
      passwordFiles: [{ kind: 'scrypt', path: '/etc/flotilla/passwd' }],
      groupsFile: '/etc/flotilla/groups',
    };
    expect(endpoint!.access).toEqual(base);
    expect(Object.fromEntries(endpoint!.peers.map(({ prefix, access }) => [prefix, access]))).toEqual({
      '10.0.0.0/8': { ...base, timeoutMs: 20_000, alwaysAllow: true },
      '10.1.0.0/16': { ...base, timeoutMs: 20_000, alwaysAllow: true, authenticate: false },
      '10.1.1.0/24': { ...base, timeoutMs: 30_000, alwaysAllow: true, authenticate: false, alwaysDeny: true },
    });
  });

  it('CON-26 the realm of htdigest files comes from EC_DIGEST_REALM', () => {
    const text = 'Control_Listener { AuthDigestMD5Parameters = [ uri = "digest:///f" ] }';
    const filesOf = (environment: Record<string, string>) =>
      settingsOf(text, { environment }).control[0]!.access.passwordFiles;
    expect(filesOf({})).toEqual([{ kind: 'digest', path: '/f' }]);
    expect(filesOf({ EC_DIGEST_REALM: 'mail' })).toEqual([{ kind: 'digest', path: '/f', realm: 'mail' }]);
  });

  it('CON-29 TLS is of TCP endpoints; CON-30 roles keep their order', () => {
    const { control, roles } = settingsOf(`Control_Listener {
      tls_certificate = "/c"  tls_key = "/k"  Enable_Authentication = true  ${files}
      Listen ":2025" { tls_client_ca = "/ca" }  Listen "/tmp/x" { } }
      Authorization { Role "b" { allow = "^pid$" } Role "a" { } }`);
    expect(control.map(({ tls }) => tls)).toEqual([
      { certFile: '/c', keyFile: '/k', clientCaFile: '/ca' },
      undefined,
    ]);
    expect(roles).toEqual([
      { name: 'b', allow: ['^pid$'] },
      { name: 'a', allow: [] },
    ]);
  });

  it('CON-27 log_authentication is taken, and makes no difference: there is always a record', () => {
    const more = (parameters: string) =>
      checkText(`Control_Listener { AuthLoginParameters = [ uri = "scrypt:///f" ${parameters} ] }`);
    const result = more('log_authentication = "true"');
    expect(codes(result)).toEqual([]);
    expect(result.settings?.control).toEqual(more('').settings?.control);
  });

  it('CON-3 control_client_timeout is the time of commands of programs', () => {
    expect(settingsOf('control_client_timeout = 5').controlClientTimeoutMs).toBe(5000);
  });
});
