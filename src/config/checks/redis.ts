/** Redis_Listener: which cache it serves, and to whom (CFG-2324). */
import { isLoopbackHost, parseEndpoint } from '../address.ts';
import { type CheckContext, effectiveType, listensOf, valueSpan } from './check.ts';

export function checkRedis({ root, findings }: CheckContext): void {
  const listener = root.child('redis_listener', '');
  if (listener === undefined) return;
  const cache = listener.get('cache');
  const replicates = root.child('cluster', '')?.children('replicate') ?? [];
  const caches = replicates
    .filter((stanza) => effectiveType(stanza) === 'cache')
    .map(({ instance }) => instance);
  if (cache === undefined || !caches.includes(String(cache.value))) {
    const message = cache
      ? `'${cache.value}' is no replicated cache`
      : 'Redis_Listener needs the name of a replicated cache';
    const hint =
      'write Datasource "NAME" { }, cluster { Replicate "NAME" { type = cache } }, and cache = "NAME"';
    findings.add('CFG-2324', cache ? valueSpan(cache) : listener.span, message, { hint });
  }
  for (const listen of listensOf(root, ['redis_listener'])) {
    const endpoint = parseEndpoint(listen.key, false);
    if (typeof endpoint === 'string' || 'path' in endpoint || isLoopbackHost(endpoint.host)) continue;
    const message = `'${listen.instance}' can be reached by other hosts, which nobody asks for a password`;
    findings.add('CFG-2324', listen.span, message, { hint: 'a path, or 127.0.0.1:6379' });
  }
}
