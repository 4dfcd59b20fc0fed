/** Nodes that cannot float addresses, or have none, take part in the agreement and serve everything else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { membersAgree } from '../cluster/fleet.ts';
import { until } from '../until.ts';
import { Harbour } from './harbour.ts';

let harbour: Harbour;

beforeAll(() => {
  harbour = new Harbour(['a', 'b'], { addresses: 3 });
});

afterAll(() => harbour.end());

describe('DVC 5.3 a node without the privileges for floating addresses', () => {
  it('says what is missing, serves what does not float, and leaves all addresses to the others', async () => {
    const withoutNetwork = ['setpriv', '--bounding-set=-net_admin,-net_raw'];
    await Promise.all([harbour.start('a'), harbour.start('b', { with: withoutNetwork })]);
    await harbour.servedBy('a');
    const log = harbour.node('b').log();
    expect(log).toContain('FLT-1601');
    expect(log).toMatch(/CAP_NET_ADMIN is missing.*CAP_NET_RAW is missing/);
    expect(log.match(/FLT-1601/g)).toHaveLength(1);
    // Its own console answers, and knows the owners.
    await until(async () => (await harbour.node('b').console('cluster duravip show')).includes('10.84.0.1'));
    await harbour.node('b').kill();
    await harbour.servedBy('a');
  });
});

describe('DVC-11 a node whose configuration names no floating address', () => {
  it('OWN-3 holds up nobody, and needs no privileges', async () => {
    const withoutNetwork = ['setpriv', '--bounding-set=-net_admin,-net_raw'];
    const bare = await harbour.start('b', { isBare: true, with: withoutNetwork });
    await membersAgree(harbour.node('a'), bare);
    const together = await bare.view();
    await harbour.node('a').console('cluster reset');
    // The answer comes before the reset begins: b's view tells when it has been.
    await until(async () => (await bare.view()) !== together);
    await membersAgree(harbour.node('a'), bare);
    await harbour.servedBy('a');
    expect(bare.log()).not.toContain('FLT-1601');
  });
});
