/** Three machines that float addresses between them: who answers when a node starts, stops, is killed or frozen. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { follower, Harbour } from './harbour.ts';

let harbour: Harbour;

beforeAll(async () => {
  harbour = new Harbour(['a', 'b', 'c']);
  await harbour.startAll();
});

afterAll(() => harbour.end());

describe('floating addresses of three nodes', () => {
  it('LIFE-7 INV-26 each address answers exactly once, evenly spread, its follower beside it', async () => {
    await harbour.servedBy('a', 'b', 'c');
  });

  it('LIFE-9 a node that stops gives its addresses away, and takes them back in its share when it starts', async () => {
    const owned = harbour.plumbedOn('b');
    await harbour.beginGaps();
    harbour.node('b').signal('SIGTERM');
    expect(await harbour.node('b').ended).toBe(0);
    await harbour.servedBy('a', 'c');
    expect(harbour.plumbedOn('b')).toEqual([]);
    expect(harbour.run('b', 'nft', 'list', 'tables')).not.toContain('flotilla');
    report(`graceful stop: ${owned.length} addresses, longest gap ${await gapMs(owned)} ms`);
    await harbour.start('b');
    await harbour.servedBy('a', 'b', 'c');
  });

  it('LIFE-12 LIFE-3 a node that is killed is taken over, and starts with a clean slate', async () => {
    const owned = harbour.plumbedOn('c');
    await harbour.beginGaps();
    harbour.node('c').signal('SIGKILL');
    await harbour.servedBy('a', 'b');
    report(`killed: ${owned.length} addresses, longest gap ${await gapMs(owned)} ms`);
    // As if an earlier life had left it.
    harbour.run('c', 'ip', 'address', 'add', '10.84.0.1/32', 'dev', 'lo');
    await harbour.start('c');
    expect(harbour.run('c', 'ip', 'address', 'show', 'dev', 'lo')).not.toContain('10.84.0.1');
    await harbour.servedBy('a', 'b', 'c');
  });

  it('LIFE-18 MEM-19 a node that is frozen answers no more when others take over, and comes back as a newcomer', async () => {
    const owned = harbour.plumbedOn('a');
    await harbour.beginGaps();
    harbour.node('a').signal('SIGSTOP');
    // Its addresses are still on its interface, under a lease that is over.
    await harbour.answeredBy(owned, 'b', 'c');
    report(`frozen: ${owned.length} addresses, longest gap ${await gapMs(owned)} ms`);
    harbour.node('a').signal('SIGCONT');
    await harbour.servedBy('a', 'b', 'c');
  });

  it('NET-15 NET-18 an address that somebody takes off by hand comes back, and its listener with it', async () => {
    const [ip = ''] = harbour.plumbedOn('a').filter((each) => each !== follower);
    harbour.run('a', 'ip', 'address', 'del', `${ip}/32`, 'dev', 'eth0');
    await until(() => !harbour.plumbedOn('a').includes(ip));
    await harbour.servedBy('a', 'b', 'c');
  });

  it('CMD-17 LIFE-9 a reset gives everything away, and the node comes back as a newcomer', async () => {
    const before = await harbour.node('a').view();
    await harbour.node('a').console('cluster reset');
    await until(async () => (await harbour.node('a').view()) !== before);
    await harbour.servedBy('a', 'b', 'c');
  });

  it('NET-19 a machine whose cable is pulled keeps nothing that others could serve', async () => {
    harbour.floating.unplug('b');
    await until(() => harbour.plumbedOn('b').length === 0);
    await harbour.servedBy('a', 'c');
    harbour.floating.heal();
    await harbour.servedBy('a', 'b', 'c');
  });
});

async function gapMs(ips: readonly string[]): Promise<string> {
  return (await harbour.longestGapMs(ips)).toFixed(0);
}

function report(line: string): void {
  console.info(line);
}
