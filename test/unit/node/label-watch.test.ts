import { describe, expect, it } from 'vitest';
import { LabelWatch } from '../../../src/node/label-watch.ts';
import { Harbour, matureMs } from '../duravip/harbour.ts';

describe('labels of floating addresses', () => {
  it('API-2 each change is told once, while somebody wants to know', async () => {
    const harbour = await Harbour.settled('a b c', {});
    const told: string[] = [];
    let isWanted = false;
    const watch = new LabelWatch({
      clock: harbour.clock,
      isWanted: () => isWanted,
      changed: (ip, labels) => told.push(`${ip.split('.').at(-1)} ${labels.join()}`),
    });
    watch.follow(harbour.at('a').member);
    await harbour.pass(3_000);
    expect(told).toEqual([]);
    isWanted = true;
    await harbour.pass(2_000);
    expect(told.sort()).toEqual([1, 2, 3, 4, 5, 6].map((ip) => `${ip} owned,safe`));
    told.length = 0;
    await harbour.pass(5_000);
    expect(told).toEqual([]);
    harbour.at('c').kill();
    harbour.reportClosed('c');
    await harbour.pass(2_000);
    expect(told.filter((text) => text.includes('immature'))).toHaveLength(6);
    await harbour.pass(matureMs + 2_000);
    expect(told.slice(-6).sort()).toEqual([1, 2, 3, 4, 5, 6].map((ip) => `${ip} owned,safe`));
    watch.stop();
    told.length = 0;
    harbour.at('b').kill();
    harbour.reportClosed('b');
    await harbour.pass(3_000);
    expect(told).toEqual([]);
  });
});
