/**
 * Consoles: what is needed to come in, and who may do what (CFG-2331 to CFG-2335). What would open a door by mistake, or
 * close it for everybody, is said before anybody stands in front of it.
 */
import type { ControlAccess, ControlEndpoint } from '../../core/settings.ts';
import { endpointKey, isLoopbackHost } from '../address.ts';
import {
  controlEndpointsOf,
  groupsScheme,
  parseFileUri,
  passwordSchemes,
  rolesOf,
  uriOf,
} from '../control-settings.ts';
import { optionOf } from '../schema/lookup.ts';
import type { Scope } from '../scope-tree.ts';
import { resolve } from '../scopes.ts';
import { type CheckContext, listensOf, valueSpan } from './check.ts';

export function checkControl(context: CheckContext): void {
  const listener = context.root.child('control_listener', '');
  for (const scope of listener ? scopesBelow(listener) : []) {
    for (const option of [...Object.keys(passwordSchemes), 'authorizationparameters'])
      checkUri(scope, option, context);
  }
  for (const listen of listensOf(context.root, ['control_listener'])) checkTls(listen, context);
  if (context.findings.hasErrors) return;
  for (const endpoint of controlEndpointsOf(context.root, undefined)) checkEndpoint(endpoint, context);
  checkRoles(context);
}

function scopesBelow(scope: Scope): Scope[] {
  return [scope, ...['listen', 'peer'].flatMap((kind) => scope.children(kind).flatMap(scopesBelow))];
}

function checkUri(scope: Scope, option: string, { findings }: CheckContext): void {
  const setting = scope.get(option);
  if (setting === undefined) return;
  const known = Object.keys(passwordSchemes[option] ?? { [groupsScheme]: '' });
  const hint = `write [ uri = "${known[0]}:///etc/flotilla/FILE" ]`;
  const uri = uriOf(setting.value);
  const parsed = uri === undefined ? undefined : parseFileUri(uri);
  if (parsed === undefined || !known.includes(parsed.scheme)) {
    const what =
      uri === undefined
        ? 'there is no uri'
        : `'${uri}' is none of ${known.map((each) => `${each}:///FILE`).join(', ')}`;
    findings.add('CFG-2332', valueSpan(setting), what, { hint });
  } else if (passwordSchemes[option]?.[parsed.scheme] === 'clear') {
    findings.add('CFG-2335', valueSpan(setting), `'${uri}' holds passwords in clear text`, {
      hint: 'make a file with `flotilla passwd` and write scrypt:///FILE',
    });
  }
}

/** One file of the pair may stand in the Listen and the other outside of it. */
function checkTls(listen: Scope, { root, findings }: CheckContext): void {
  const settingOf = (name: string) => {
    const option = optionOf(listen.schema, listen.path, name);
    return option && resolve(root, option, { control_listener: '', listen: listen.key }).setting;
  };
  const [cert, key, ca] = [settingOf('tls_certificate'), settingOf('tls_key'), settingOf('tls_client_ca')];
  const any = cert ?? key ?? ca;
  if (any === undefined || (cert && key)) return;
  findings.add('CFG-2332', valueSpan(any), `'${cert ? 'tls_key' : 'tls_certificate'}' is missing beside it`);
}

function checkEndpoint(endpoint: ControlEndpoint, context: CheckContext): void {
  const { endpoint: where, tls, access, peers } = endpoint;
  if ('path' in where) return;
  const { findings, root } = context;
  const name = endpointKey(where);
  const listen = listensOf(root, ['control_listener']).find(({ key }) => key === name);
  const span = listen?.span ?? root.span;
  const isLocal = isLoopbackHost(where.host);
  const all = [access, ...peers.map((peer) => peer.access)].filter(({ alwaysDeny }) => !alwaysDeny);
  if (all.some((each) => each.authenticate && !each.alwaysAllow && !canLogin(each, endpoint)))
    findings.add('CFG-2333', span, `nobody can log in on ${name}`, {
      hint: 'set AuthLoginParameters = [ uri = "scrypt:///FILE" ], or tls_client_ca',
    });
  if (!isLocal && tls === undefined)
    findings.add('CFG-2331', span, `clients of other hosts are turned away on ${name}: there is no TLS`, {
      hint: 'set tls_certificate and tls_key',
    });
  if (!isLocal && tls !== undefined && !access.alwaysDeny && !access.authenticate)
    findings.add('CFG-2334', span, `whoever reaches ${name} may give every command`, {
      hint: 'set Enable_Authentication = true',
    });
  if (all.some((each) => each.authorize && !each.authenticate && !each.alwaysAllow) && !tls?.clientCaFile)
    findings.add('CFG-2334', span, `nobody may do anything on ${name}: who does not log in has no role`, {
      hint: 'set Enable_Authentication = true',
    });
}

function canLogin({ passwordFiles }: ControlAccess, { tls }: ControlEndpoint): boolean {
  return passwordFiles.length > 0 || tls?.clientCaFile !== undefined;
}

function checkRoles({ root, findings }: CheckContext): void {
  const enabled = root.child('control_listener', '');
  const setting =
    enabled &&
    scopesBelow(enabled)
      .map((scope) => scope.get('enable_authorization'))
      .find((each) => each?.value === true);
  if (setting && rolesOf(root).length === 0)
    findings.add(
      'CFG-2334',
      valueSpan(setting),
      'nobody may do anything: there is no Role in Authorization { }',
    );
  for (const role of root.child('authorization', '')?.children('role') ?? []) {
    const allow = role.get('allow');
    const patterns =
      allow?.raw.kind === 'list' ? allow.raw.items : allow?.raw.kind === 'scalar' ? [allow.raw] : [];
    for (const { text, span } of patterns) {
      if (/^\^|^\.\*$/.test(text)) continue;
      const message = `'${text}' also allows lines that hold it anywhere, as an argument of another command`;
      findings.add('CFG-2335', span, message, { hint: `write '^${text}'` });
    }
  }
}
