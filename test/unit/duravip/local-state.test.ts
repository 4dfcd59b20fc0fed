import { expect, it, vi } from 'vitest';
import { VipBus } from '../../../src/bus/vip-bus.ts';
import { vipView } from '../../../src/core/duravip/vip-view.ts';
import { Harbour } from './harbour.ts';

it('STA-5 what an address is like on the interface, and the ages a node shows, are its own and not shared', async () => {
  const harbour = await Harbour.settled('a b');
  await harbour.pass(20_000);
  const ip = harbour.number(1);
  const said: string[] = [];
  const broadcast = vi.spyOn(VipBus.prototype, 'broadcast').mockImplementation(({ kind }) => {
    said.push(kind);
    return true;
  });
  const shared = () => {
    const { table } = harbour.ownership('b');
    return [table.digest, table.rows.announcementOf(harbour.at('a').incarnation)];
  };
  const before = structuredClone(shared());
  harbour.machine('a').takeOff(ip);
  await harbour.until(() => harbour.ownership('a').local.get(ip)?.state === 'missing');
  await harbour.until(() => harbour.ownership('a').local.get(ip)?.state === 'owned');
  expect(said).toEqual([]);
  expect(structuredClone(shared())).toEqual(before);
  expect(harbour.ownership('a').table.digest).toEqual(harbour.ownership('b').table.digest);
  broadcast.mockRestore();
  // A newcomer has the same table, and ages that begin with what it has seen.
  await harbour.open('c');
  const [old, young] = ['b', 'c'].map((name) => harbour.ownership(name));
  expect(young!.table.digest).toEqual(old!.table.digest);
  const ages = [old, young].map((each) => vipView(each!.table, ip, harbour.clock.nowMs())!.ownerAgeMs);
  expect(ages[0]! - ages[1]!).toBeGreaterThan(20_000);
});
