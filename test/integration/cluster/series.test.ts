/** Counts over time in running nodes: over both, after a reset, and after a restart that takes saved counts over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-series-'));
let url: string;
let one: RunningNode;
let two: RunningNode;

beforeAll(async () => {
  ({ url } = await startNatsServer());
  [one, two] = await Promise.all([start('relay-1'), start('relay-2')]);
  await together();
});

afterAll(async () => {
  await Promise.all([one, two].map((node) => node?.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

async function start(nodename: string): Promise<RunningNode> {
  const node = await startNode({
    nodename,
    servers: [url],
    logOutput: { write: () => {} },
    configText: `
      cluster {
        nodeaddr = 127.0.0.1
        Replicate "metrics" { max_delay = 0.02 parameters = "snapshot;connect;audit_series;gauge_cache" }
        Replicate "eccmgr_metrics" { parameters = "connect;audit_series" }
      }
      inbound_audit {
        monitors = ( "3600,6" )
        log_dir = "${join(folder, 'logs', nodename)}"
        serialize_dir = "${join(folder, 'persist', nodename)}"
      }
      Control_Listener { Listen "${join(folder, nodename)}" { } }`,
  });
  node.series.define('spam', 'cidr', 3600, 3, { replicate: 'cluster', persist: true });
  node.gauges.define('open', 100, 3600, true);
  return node;
}

function together(): Promise<void> {
  return until(() =>
    [one, two].every(({ view, state }) => view?.members.length === 2 && state === 'serving'),
  );
}

/** Windows of an hour may begin while the test runs. */
function spam(node: RunningNode): number {
  return node.series.count('spam', { key: '10.0.0.0/24', startv: 0, endv: 1 });
}

describe('counts over time of two nodes', () => {
  it('REP-8.8 REP-13.4 REP-18.7 add up, and the console shows them', async () => {
    one.series.add('spam', { key: '10.0.0.1', count: 2 });
    two.series.add('spam', '10.0.0.2');
    one.gauges.increment('open', 'x');
    two.gauges.increment('open', 'x', 4);
    one.audit.count('connect', '10.0.0.1', 3);
    await until(() => [one, two].every((node) => spam(node) === 3 && node.gauges.get('open', 'x') === 5));
    await until(() => two.audit.during('connect', '10.0.0.1', { end: 1, isCluster: true }) === 3);
    expect(two.audit.during('connect', '10.0.0.1', { end: 1 })).toBe(0);
    expect((await two.console('cluster shared list')).text).toBe(
      'Currently managed objects:\n' +
        '                       metrics [lazy, event series w/ snapshots]\n' +
        '                eccmgr_metrics [lazy, event series]\n',
    );
    expect((await two.console('inbound_audit show all')).text).toMatch(
      /^ip,type,size,window,count\n10\.0\.0\.1,Connections,3600,[01],3\n$/,
    );
  });

  it('CMD-17 count once after a cluster reset', async () => {
    const before = one.incarnation;
    await one.console('cluster reset');
    await until(() => one.incarnation !== before);
    await together();
    one.series.add('spam', '10.0.0.1');
    await until(() => [one, two].every((node) => spam(node) === 4 && node.gauges.get('open', 'x') === 5));
  });

  it('REP-9.17 count once after a restart that takes over what was saved', async () => {
    await one.stop();
    await until(() => two.view?.members.length === 1);
    expect(spam(two)).toBe(4);
    one = await start('relay-1');
    expect(spam(one)).toBe(3);
    await together();
    await until(() => [one, two].every((node) => spam(node) === 4));
    one.series.remove('spam', '10.0.0.2');
    await until(() => [one, two].every((node) => spam(node) === 3));
  });
});
