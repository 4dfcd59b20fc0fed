import { describe, expect, it } from 'vitest';
import { type LiveNode, labelsOf, serviceWords } from '../../../src/core/duravip/labels.ts';
import type { VipAnnouncement } from '../../../src/core/duravip/vip.ts';
import { address, vip } from './fleet.ts';

const ip = address(1);
const standing = { owned: true, held: false, mature: true, stuck: false };

function nodes(...all: readonly (readonly VipAnnouncement[])[]): readonly LiveNode[] {
  return all.map((vips, i) => ({ node: 'abc'[i]!, vips }));
}

function labels(...all: readonly Partial<VipAnnouncement>[]): readonly string[] {
  return labelsOf(ip, nodes(...all.map((changes) => [vip(ip, changes)])), standing);
}

const esmtp = { kind: 'esmtp', endpoint: `${ip}:25` };

describe('labels', () => {
  it('STA-8 CMD-9 owned or not, safe, and the rest in the order of the console', () => {
    expect(labels({}, {})).toEqual(['owned', 'safe']);
    const all = { owned: false, held: true, mature: false, stuck: true };
    const live = nodes([vip(ip, { preference: ['a'] })], [vip(ip, { preference: ['b'] })]);
    expect(labelsOf(ip, live, all)).toEqual(['unowned', 'safe', 'conflict', 'held', 'immature', 'stuck']);
  });

  it('STA-9 unsafe when participants announce different services', () => {
    expect(labels({ services: [esmtp] }, { services: [esmtp] })).toEqual(['owned', 'safe']);
    expect(labels({ services: [esmtp] }, {})).toEqual(['owned', 'unsafe']);
    const other = { ...esmtp, endpoint: `${ip}:2525` };
    expect(labels({ services: [esmtp] }, { services: [other] })).toEqual(['owned', 'unsafe']);
  });

  it('STA-10 conflict when two live capable participants are preferred', () => {
    expect(labels({ preference: ['a'] }, { preference: ['b'] })).toEqual(['owned', 'safe', 'conflict']);
    expect(labels({ preference: ['a'] }, { preference: ['b'], capable: false })).toEqual(['owned', 'safe']);
    expect(labels({ preference: ['a'] }, { preference: ['z'] })).toEqual(['owned', 'safe']);
  });

  it('STA-11 STA-12 broken when two participants have different names for the address', () => {
    expect(labels({ names: ['x'] }, { names: ['x', 'y'] })).toEqual(['owned', 'broken']);
    expect(labels({ names: ['x'] }, { names: ['X'] })).toEqual(['owned', 'broken']);
  });

  it('STA-12 a participant without a binding is unsafe, not broken', () => {
    expect(labels({ names: ['x'] }, { names: [], services: [] })).toEqual(['owned', 'unsafe']);
  });

  it('STA-11 STA-12 broken, both, when one binding name is on two addresses', () => {
    const live = nodes([vip(ip, { names: ['x'] })], [vip(address(2), { names: ['x'] })]);
    expect(labelsOf(ip, live, standing)).toEqual(['owned', 'broken']);
    expect(labelsOf(address(2), live, standing)).toEqual(['owned', 'broken']);
  });

  it('STA-15 STA-14 who is not live counts no more, and the label goes', () => {
    const live = nodes([vip(ip, { names: ['x'] })], [vip(ip, { names: ['y'] })]);
    expect(labelsOf(ip, live, standing)).toEqual(['owned', 'broken']);
    expect(labelsOf(ip, live.slice(0, 1), standing)).toEqual(['owned', 'safe']);
  });

  it('STA-16 multivip, then kinds of listeners by alphabet', () => {
    const services = [
      { kind: 'esmtp', endpoint: '1' },
      { kind: 'ecstream', endpoint: '2' },
      { kind: 'esmtp', endpoint: '3' },
    ];
    expect(serviceWords({ names: ['x'], services })).toEqual(['multivip', 'ecstream', 'esmtp']);
    expect(serviceWords({ names: [], services: [] })).toEqual([]);
  });
});
