/** The message bus: peers, ports, and times that depend on each other (CFG-2306, CFG-2307). */
import { nodeNameProblem } from '../../core/identity.ts';
import { hostOfServer, isLoopbackHost } from '../address.ts';
import { busPortsOf, isEmbedded, peersOf } from '../bus-layout.ts';
import { holdMsOf } from '../duravip-settings.ts';
import { membershipTimes } from '../membership-times.ts';
import { asTexts, ScopeReader } from '../reader.ts';
import { type CheckContext, valueSpan } from './check.ts';

export function checkBus(context: CheckContext): void {
  checkPeers(context);
  checkSecret(context);
  checkPorts(context);
  checkTimes(context);
}

function checkPeers({ root, findings }: CheckContext): void {
  const setting = root.child('msgc_server', '')?.get('peers');
  const entries = setting?.raw.kind === 'dictionary' ? setting.raw.entries : [];
  const places = new Map(entries.map(({ key }) => [key.text, key.span]));
  const byAddress = new Map<string, string>();
  for (const { name, address, port } of peersOf(root)) {
    const place = places.get(name);
    if (place === undefined) continue;
    const problem = nodeNameProblem(name);
    if (problem !== undefined) findings.add('CFG-2306', place, `peer ${problem}`);
    const other = byAddress.get(`${address} ${port}`);
    if (other !== undefined) {
      findings.add('CFG-2306', place, `the peers '${other}' and '${name}' have one address`);
    }
    byAddress.set(`${address} ${port}`, name);
  }
  const quorum = root.child('cluster', '')?.get('quorum');
  if (quorum?.value === 'majority' && peersOf(root).length === 0) {
    findings.add('CFG-2306', valueSpan(quorum), 'quorum = majority needs to know all nodes', {
      hint: 'name them in msgc_server { peers }',
    });
  }
}

/** Whoever can open a route can read and forge everything. */
function checkSecret({ root, findings, identity }: CheckContext): void {
  const setting = root.child('msgc_server', '')?.get('peers');
  const others = peersOf(root).filter(({ name }) => name !== identity.nodename);
  if (setting === undefined || others.length === 0 || !isEmbedded(root)) return;
  const hosts = [busPortsOf(root).routeHost ?? 'localhost', ...others.map(({ address }) => address)];
  const cluster = ScopeReader.ofTop(root, 'cluster');
  const hasTls = ['bus_tls_ca', 'bus_tls_cert', 'bus_tls_key'].every((option) => cluster.isSet(option));
  if (hosts.every(isLoopbackHost) || hasTls || ScopeReader.ofTop(root, 'msgc_server').isSet('secret')) return;
  findings.add('CFG-2306', setting.nameSpan, 'routes beyond this machine need a secret or TLS', {
    hint: 'set secret in msgc_server { }, the same on all nodes',
  });
}

/** A client that is told to look for the own server at a port where it is not. */
function checkPorts({ root, findings }: CheckContext): void {
  const client = root.child('msgc_client', '')?.get('server');
  const isUsed = !ScopeReader.ofTop(root, 'cluster').isSet('servers') && !isEmbedded(root);
  if (client === undefined || root.child('msgc_server', '') === undefined || !isUsed) return;
  const { clientPort } = busPortsOf(root);
  for (const url of asTexts(client.value)) {
    const port = Number(new URL(url).port);
    if (!isLoopbackHost(hostOfServer(url)) || port === clientPort) continue;
    const message = `the client is told to use port ${port}, but msgc_server listens on ${clientPort}`;
    findings.add('CFG-2307', valueSpan(client), message);
  }
}

function checkTimes(context: CheckContext): void {
  const { root, findings } = context;
  checkHold(context);
  const cluster = root.child('cluster', '');
  const { beatIntervalMs, failureTimeoutMs } = membershipTimes(root);
  const setting = cluster?.get('bus_failure_timeout') ?? cluster?.get('bus_heartbeat_interval');
  if (setting === undefined || failureTimeoutMs >= 2 * beatIntervalMs) return;
  const message = `bus_failure_timeout ${failureTimeoutMs / 1000} is less than twice bus_heartbeat_interval ${beatIntervalMs / 1000}`;
  findings.add('CFG-2103', valueSpan(setting), message, {
    hint: 'a single lost beat would look like a lost node',
  });
}

/** A lease that ends before the next beat can prolong it would never last (LIFE-18). */
function checkHold({ root, findings }: CheckContext): void {
  const setting = root.child('cluster', '')?.get('bus_loss_hold');
  const { beatIntervalMs } = membershipTimes(root);
  if (setting === undefined || holdMsOf(root) >= 2 * beatIntervalMs) return;
  const message = `bus_loss_hold ${setting.value} is less than twice bus_heartbeat_interval ${beatIntervalMs / 1000}`;
  findings.add('CFG-2103', valueSpan(setting), message, {
    hint: 'addresses would be given up between two beats',
  });
}
