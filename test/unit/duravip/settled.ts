/** Four addresses on nodes that have agreed about them, and all of which are mature. */
import { vipView } from '../../../src/core/duravip/vip-view.ts';
import { address, addresses, Fleet, matureMs, vip } from './fleet.ts';

export const one = address(1);
export const four = addresses(4).map((ip) => vip(ip));

export function settled(names = 'a b', vips = four): Fleet {
  const fleet = Fleet.of(names, vips);
  fleet.pass(matureMs);
  return fleet;
}

export function view(fleet: Fleet, ip = one, name = 'a') {
  return vipView(fleet.at(name).table, ip, fleet.nowMs)!;
}
