/** One machine whose wall clock jumps by hours, as libfaketime shows it to a process; the machine's own is not touched. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, type NodeProcess, sumsAre } from './fleet.ts';
import { Clients, openTogether, Upstream } from './traffic.ts';

const fleet = new Fleet();
const clockFile = join(fleet.folder, 'clock');
const hourMs = 3_600_000;

afterEach(async () => {
  await fleet.end();
  await stopNatsServers();
});

describe('a wall clock that jumps', () => {
  it('BUS-21 changes no view and no count, in either direction: intervals are monotonic', async () => {
    const upstream = await Upstream.start();
    const { url } = await startNatsServer();
    const options = { servers: [url], upstreamPort: upstream.port };
    setClock('+0');
    const [first, second] = await Promise.all([
      fleet.start({ ...options, name: 'relay-1', environment: fakeClock }),
      fleet.start({ ...options, name: 'relay-2' }),
    ]);
    const [one, two] = [new Clients(first.port), new Clients(second.port)];
    await Promise.all([one.fill(1, 5), two.fill(2, 5)]);
    await sumsAre(openTogether(one, two), first, second);
    const views = [await first.view(), await second.view()];

    for (const hours of [5, -7, 0]) {
      setClock(`${hours < 0 ? '' : '+'}${hours}h`);
      await until(async () => Math.abs((await clockError(first)) - hours * hourMs) < hourMs / 2);
      await Promise.all([one.close(1), one.fill(3 + hours + 7, 2), two.close(1)]);
      await sumsAre(openTogether(one, two), first, second);
      expect([await first.view(), await second.view()]).toEqual(views);
    }
    await upstream.stop();
  });
});

const fakeClock = {
  LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
  FAKETIME_TIMESTAMP_FILE: clockFile,
  FAKETIME_NO_CACHE: '1',
  // The clock that a step of the wall clock leaves alone.
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
};

function setClock(offset: string): void {
  writeFileSync(clockFile, `${offset}\n`);
}

/** How far the node is off, as it stamps the lines of its log; asking makes it write one. */
async function clockError(node: NodeProcess): Promise<number> {
  await node.console('pid');
  const [stamp] = [...node.log().matchAll(/"time":"([^"]+)"/g)].slice(-1);
  return new Date(stamp?.[1] ?? 0).getTime() - Date.now();
}
