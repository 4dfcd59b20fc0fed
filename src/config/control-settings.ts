/**
 * Settings of the console: endpoints, what each wants of whom, and roles.
 *
 * A network's values are those of CONF-5.2 for any client in it that is in no smaller one, so that the door has to find the
 * longest network only.
 */
import type {
  ControlAccess,
  ControlEndpoint,
  ControlTls,
  PasswordFile,
  RoleSettings,
} from '../core/settings.ts';
import { type Endpoint, parseEndpoint } from './address.ts';
import { enabledListens, valueAt } from './listener-settings.ts';
import { asFlag, asNumber, asText, asTexts } from './reader.ts';
import { optionOf } from './schema/lookup.ts';
import type { Scope } from './scope-tree.ts';
import { resolve } from './scopes.ts';
import type { SettingValue } from './values.ts';

const defaultConsole = '/tmp/2025';

/** Nothing without a `Control_Listener`: several nodes on one host would fight for the usual socket. */
export function controlEndpointsOf(root: Scope, digestRealm: string | undefined): ControlEndpoint[] {
  const listener = root.child('control_listener', '');
  if (listener === undefined) return [];
  const builder = new EndpointBuilder(root, digestRealm);
  if (listener.children('listen').length === 0) {
    return listener.get('enable')?.value === false
      ? []
      : [builder.endpoint(listener, { path: defaultConsole })];
  }
  return enabledListens(root, 'control_listener').flatMap((listen) => {
    const endpoint = parseEndpoint(listen.key, false);
    return typeof endpoint === 'string' ? [] : [builder.endpoint(listen, endpoint)];
  });
}

/** Roles without a pattern allow nothing. */
export function rolesOf(root: Scope): RoleSettings[] {
  const roles = root.child('authorization', '')?.children('role') ?? [];
  return roles.map((role) => ({ name: role.instance, allow: asTexts(role.get('allow')?.value) }));
}

/** `SCHEME:///PATH`; undefined for anything else. */
export function parseFileUri(uri: string): { readonly scheme: string; readonly path: string } | undefined {
  const parts = /^([a-z][a-z0-9]*):\/\/(\/.+)$/i.exec(uri);
  return parts ? { scheme: parts[1]!.toLowerCase(), path: parts[2]! } : undefined;
}

/** Which kind of file a scheme of which option is. */
export const passwordSchemes: Readonly<Record<string, Readonly<Record<string, PasswordFile['kind']>>>> = {
  authloginparameters: { scrypt: 'scrypt', file: 'clear' },
  authdigestmd5parameters: { digest: 'digest' },
};
export const groupsScheme = 'groups';

export function uriOf(parameters: SettingValue | undefined): string | undefined {
  const uri = parameters instanceof Map ? parameters.get('uri') : undefined;
  return uri === undefined ? undefined : asText(uri);
}

class EndpointBuilder {
  readonly #root: Scope;
  readonly #digestRealm: string | undefined;

  constructor(root: Scope, digestRealm: string | undefined) {
    this.#root = root;
    this.#digestRealm = digestRealm;
  }

  endpoint(scope: Scope, endpoint: Endpoint): ControlEndpoint {
    const value = (option: string) => valueAt(this.#root, scope, option);
    const far = scope.path === 'control_listener' ? [] : (scope.parent?.children('peer') ?? []);
    const prefixes = new Set([...scope.children('peer'), ...far].map(({ key }) => key));
    return {
      endpoint,
      fileMode: asNumber(value('file_mode')),
      backlog: asNumber(value('listen_backlog')),
      tls: 'path' in endpoint ? undefined : tlsOf(value),
      access: this.#access(value),
      peers: [...prefixes].map((prefix) => ({
        prefix,
        access: this.#access((option) => this.#valueFor(scope, option, prefix)),
      })),
    };
  }

  #valueFor(scope: Scope, name: string, prefix: string): SettingValue | undefined {
    const option = optionOf(scope.schema, scope.path, name);
    if (option === undefined) throw new Error(`a ${scope.path} has no option '${name}'`);
    return resolve(this.#root, option, { control_listener: '', listen: scope.key, peer: prefix }).value;
  }

  #access(value: (option: string) => SettingValue | undefined): ControlAccess {
    const groups = uriOf(value('authorizationparameters'));
    return {
      timeoutMs: asNumber(value('timeout')) * 1000,
      loginTimeoutMs: asNumber(value('login_timeout')) * 1000,
      authenticate: asFlag(value('enable_authentication')),
      authorize: asFlag(value('enable_authorization')),
      alwaysAllow: asFlag(value('always_allow')),
      alwaysDeny: asFlag(value('always_deny')),
      passwordFiles: Object.keys(passwordSchemes).flatMap((option) =>
        this.#passwordFile(option, value(option)),
      ),
      groupsFile: groups === undefined ? undefined : parseFileUri(groups)?.path,
    };
  }

  #passwordFile(option: string, parameters: SettingValue | undefined): PasswordFile[] {
    const uri = parseFileUri(uriOf(parameters) ?? '');
    const kind = uri && passwordSchemes[option]?.[uri.scheme];
    if (!uri || !kind) return [];
    const realm = kind === 'digest' && this.#digestRealm !== undefined ? { realm: this.#digestRealm } : {};
    return [{ kind, path: uri.path, ...realm }];
  }
}

function tlsOf(value: (option: string) => SettingValue | undefined): ControlTls | undefined {
  const text = (option: string) => {
    const set = value(option);
    return set === undefined ? undefined : asText(set);
  };
  const [certFile, keyFile] = [text('tls_certificate'), text('tls_key')];
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { certFile, keyFile, clientCaFile: text('tls_client_ca') };
}
