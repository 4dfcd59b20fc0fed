/** Front listeners: what they listen on and where they send clients (CFG-2112). */
import { type Endpoint, endpointKey, isUnspecified, parseEndpoint } from '../address.ts';
import { optionOf } from '../schema/lookup.ts';
import { resolve } from '../scopes.ts';
import { type CheckContext, frontListenerKinds, listensOf } from './check.ts';

export function checkListeners({ root, findings }: CheckContext): void {
  for (const kind of frontListenerKinds) {
    for (const listen of listensOf(root, [kind])) {
      const endpoint = parseEndpoint(listen.key, false);
      if (typeof endpoint === 'object' && 'path' in endpoint) {
        findings.add('CFG-2112', listen.span, `'${listen.instance}': a front listener needs ADDRESS:PORT`);
      }
      const option = optionOf(listen.schema, listen.path, 'upstream');
      const upstream = option && resolve(root, option, { [kind]: '', listen: listen.key });
      if (upstream?.setting === undefined) continue;
      const problem = upstreamProblem(upstream.value as Endpoint, listen.key);
      if (problem !== undefined) findings.add('CFG-2112', upstream.setting.raw.span, problem);
    }
  }
}

function upstreamProblem(upstream: Endpoint, listenKey: string): string | undefined {
  if ('path' in upstream) return undefined;
  if (isUnspecified(upstream.host)) return 'the upstream needs the address of a host, not a wildcard';
  if (endpointKey(upstream) === listenKey)
    return 'the upstream is the listener itself: each client would connect for ever';
  return upstream.port === 0 ? 'the upstream needs a port' : undefined;
}
