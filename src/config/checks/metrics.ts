/** Metrics_Listener: monitoring must reach the process wherever floating addresses are (CFG-2336). */
import { formatAddress, parseAddress } from '../../core/address.ts';
import { parseEndpoint } from '../address.ts';
import { DuravipMarks } from '../duravip-marks.ts';
import { type CheckContext, listensOf } from './check.ts';

export function checkMetrics({ root, findings }: CheckContext): void {
  const listens = listensOf(root, ['metrics_listener']);
  if (listens.length === 0) return;
  const { floating } = new DuravipMarks(root);
  for (const listen of listens) {
    const endpoint = parseEndpoint(listen.key, false);
    if (typeof endpoint === 'string' || 'path' in endpoint) continue;
    const address = parseAddress(endpoint.host);
    if (address === undefined || !floating.has(formatAddress(address))) continue;
    const message = `'${listen.instance}' floats: nobody could ask this process while the address is elsewhere`;
    findings.add('CFG-2336', listen.span, message, { hint: 'the address of the node, 127.0.0.1, or *' });
  }
}
