/** The message bus: peers, ports, and times that depend on each other (CFG-2306, CFG-2307). */
import { nodeNameProblem } from '../../core/identity.ts';
import { hostOfServer, isLoopbackHost } from '../address.ts';
import { busPortsOf, isEmbedded, peersOf } from '../bus-layout.ts';
import { ScopeReader } from '../reader.ts';
import { membershipTimes } from '../membership-times.ts';
import { type CheckContext, valueSpan } from './check.ts';

export function checkBus(context: CheckContext): void {
  checkPeers(context);
  checkPorts(context);
  checkTimes(context);
}

function checkPeers({ root, findings }: CheckContext): void {
  const setting = root.child('msgc_server', '')?.get('peers');
  const byAddress = new Map<string, string>();
  for (const { name, address, port } of peersOf(root)) {
    if (setting?.raw.kind !== 'dictionary') break;
    const entry = setting.raw.entries.find(({ key }) => key.text === name);
    const place = entry?.key.span ?? valueSpan(setting);
    const problem = nodeNameProblem(name);
    if (problem !== undefined) findings.add('CFG-2306', place, `peer ${problem}`);
    const other = byAddress.get(`${address} ${port}`);
    if (other !== undefined) findings.add('CFG-2306', place, `the peers '${other}' and '${name}' have one address`);
    byAddress.set(`${address} ${port}`, name);
  }
  const quorum = root.child('cluster', '')?.get('quorum');
  if (quorum?.value === 'majority' && setting === undefined) {
    findings.add('CFG-2306', valueSpan(quorum), 'quorum = majority needs to know all nodes', { hint: 'name them in msgc_server { peers }' });
  }
  checkSecret({ root, findings });
}

/** Whoever can open a route can send anything as anybody. */
function checkSecret({ root, findings }: Pick<CheckContext, 'root' | 'findings'>): void {
  const server = root.child('msgc_server', '');
  const peers = server?.get('peers');
  if (server === undefined || peers === undefined || !isEmbedded(root)) return;
  const isLocal = peersOf(root).every(({ address }) => isLoopbackHost(address));
  const isProtected = server.get('secret') !== undefined || ScopeReader.ofTop(root, 'cluster').isSet('bus_tls_cert');
  if (isLocal || isProtected) return;
  findings.add('CFG-2306', peers.nameSpan, 'routes to peers beyond this machine need a secret or TLS', {
    hint: 'set secret in msgc_server, the same on all nodes',
  });
}

/** A client that is told to look for the own server at a port where it is not. */
function checkPorts({ root, findings }: CheckContext): void {
  const server = root.child('msgc_client', '')?.get('server');
  if (server === undefined || root.child('msgc_server', '') === undefined || isEmbedded(root)) return;
  const { clientPort } = busPortsOf(root);
  for (const url of Array.isArray(server.value) ? server.value.map(String) : []) {
    const port = Number(new URL(url).port);
    if (!isLoopbackHost(hostOfServer(url)) || port === clientPort) continue;
    findings.add('CFG-2307', valueSpan(server), `the client is told to use port ${port}, but msgc_server listens on ${clientPort}`);
  }
}

function checkTimes({ root, findings }: CheckContext): void {
  const cluster = root.child('cluster', '');
  const { beatIntervalMs, failureTimeoutMs } = membershipTimes(root);
  const setting = cluster?.get('bus_failure_timeout') ?? cluster?.get('bus_heartbeat_interval');
  if (setting === undefined || failureTimeoutMs >= 2 * beatIntervalMs) return;
  const [timeout, interval] = [failureTimeoutMs / 1000, beatIntervalMs / 1000];
  findings.add('CFG-2103', valueSpan(setting), `bus_failure_timeout ${timeout} is less than twice bus_heartbeat_interval ${interval}`, {
    hint: 'a single lost beat would look like a lost node',
  });
}
