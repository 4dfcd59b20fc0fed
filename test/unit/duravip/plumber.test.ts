import { describe, expect, it } from 'vitest';
import type { KernelPort, PlumbedAddress, PlumbOutcome } from '../../../src/actors/kernel-port.ts';
import { Plumber, type PlumbJob } from '../../../src/actors/plumber.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const place = (ip: string): PlumbedAddress => ({ ip, prefixBits: 32, interface: 'eth0' });
const list = (addresses: readonly { readonly ip: string }[]) => addresses.map(({ ip }) => ip).join(' ');

/** A plumber over a kernel that writes down its calls and answers when the test lets it. */
class Yard {
  readonly clock = new VirtualClock();
  readonly recorder = new Recorder();
  readonly steps: string[] = [];
  readonly done: string[] = [];
  readonly refuses = new Set<string>();
  /** Called before each answer of the kernel: `plumb`, `unplumb`, `own` or `disown`; may throw. */
  before: (call: string) => void = () => {};
  readonly plumber: Plumber;

  constructor() {
    const { clock, recorder } = this;
    this.plumber = new Plumber({
      clock,
      log: recorder.log,
      kernel: this.#kernel(),
      acquired: (addresses) => this.steps.push(`tell ${list(addresses)}`),
    });
  }

  job(ip: string, more: Partial<PlumbJob> = {}): PlumbJob {
    return {
      ip,
      addresses: [place(ip)],
      wanted: () => true,
      done: (outcome) => this.done.push(`${ip} ${outcome.ok ? 'ok' : outcome.reason}`),
      ...more,
    };
  }

  async pass(durationMs = 20): Promise<void> {
    await this.clock.advance(this.clock.nowMs() + durationMs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  #kernel(): KernelPort {
    const outcomes = (addresses: readonly PlumbedAddress[]): PlumbOutcome[] =>
      addresses.map(({ ip }) => (this.refuses.has(ip) ? { ok: false, reason: 'no' } : { ok: true }));
    return {
      plumb: (addresses: readonly PlumbedAddress[]) =>
        this.#call('plumb', list(addresses), () => outcomes(addresses)),
      unplumb: (addresses: readonly PlumbedAddress[]) =>
        this.#call('unplumb', list(addresses), () => outcomes(addresses)),
      lease: {
        own: (ips: readonly string[]) => this.#call('own', ips.join(' '), () => {}),
        disown: (ips: readonly string[]) => this.#call('disown', ips.join(' '), () => {}),
      },
    } as unknown as KernelPort;
  }

  #call<T>(name: string, what: string, answer: () => T): Promise<T> {
    this.steps.push(`${name} ${what}`);
    return new Promise((resolve, reject) =>
      this.clock.after(1, () => {
        try {
          this.before(name);
          resolve(answer());
        } catch (error) {
          reject(error as Error);
        }
      }),
    );
  }
}

describe('putting addresses on and taking them off', () => {
  it('NET-10, R2 what is asked for in one turn is one batch', async () => {
    const yard = new Yard();
    for (const ip of ['1', '2', '3']) yard.plumber.plumb(yard.job(ip));
    expect([yard.steps, yard.plumber.pending]).toEqual([[], 3]);
    await yard.pass();
    expect(yard.steps).toEqual(['plumb 1 2 3', 'own 1 2 3', 'tell 1 2 3']);
    expect(yard.done).toEqual(['1 ok', '2 ok', '3 ok']);
  });

  it('NET-10 one batch at a time, in the order asked for, whatever comes meanwhile', async () => {
    const yard = new Yard();
    yard.plumber.plumb(yard.job('1'));
    await yard.pass(0.5);
    yard.plumber.unplumb(yard.job('1'));
    yard.plumber.unplumb(yard.job('2'));
    yard.plumber.plumb(yard.job('1'));
    await yard.pass();
    expect(yard.steps).toEqual([
      'plumb 1',
      'own 1',
      'tell 1',
      'disown 1 2',
      'unplumb 1 2',
      'plumb 1',
      'own 1',
      'tell 1',
    ]);
    expect(yard.done).toEqual(['1 ok', '1 ok', '2 ok', '1 ok']);
    expect(yard.plumber.pending).toBe(0);
  });

  it('P7 many go in batches: the kernel puts on the next while the one before is let answer and told', async () => {
    const yard = new Yard();
    const ips = Array.from({ length: 300 }, (_, i) => `${i}`);
    for (const ip of ips) yard.plumber.plumb(yard.job(ip));
    yard.plumber.unplumb(yard.job('0'));
    await yard.pass();
    const [a, b, c] = [ips.slice(0, 128), ips.slice(128, 256), ips.slice(256)].map((some) => some.join(' '));
    expect(yard.steps).toEqual([
      `plumb ${a}`,
      ...[`plumb ${b}`, `own ${a}`, `tell ${a}`],
      ...[`plumb ${c}`, `own ${b}`, `tell ${b}`],
      ...[`own ${c}`, `tell ${c}`],
      ...['disown 0', 'unplumb 0'],
    ]);
    expect(yard.done).toEqual([...ips, '0'].map((ip) => `${ip} ok`));
  });

  it('NET-8 a batch that fails takes neither the one before nor the one behind with it', async () => {
    const yard = new Yard();
    const ips = Array.from({ length: 384 }, (_, i) => `${i}`);
    for (const ip of ips) yard.plumber.plumb(yard.job(ip));
    let plumbs = 0;
    yard.before = (call) => {
      if (call === 'plumb' && ++plumbs === 2) throw new Error('the kernel is gone');
    };
    await yard.pass();
    expect(yard.done).toEqual(
      ips.map((ip, i) => `${ip} ${i >= 128 && i < 256 ? 'the kernel is gone' : 'ok'}`),
    );
  });

  it('LIFE-18, NET-7 it answers only after it is on, and only if it is still wanted then', async () => {
    const yard = new Yard();
    const wanted = new Set(['1', '2']);
    for (const ip of ['1', '2']) yard.plumber.plumb(yard.job(ip, { wanted: () => wanted.has(ip) }));
    yard.before = (call) => {
      if (call === 'plumb') wanted.delete('1');
    };
    await yard.pass();
    expect(yard.steps).toEqual(['plumb 1 2', 'own 2', 'tell 2']);
    // It is on, as asked for; whoever does not want it takes it off.
    expect(yard.done).toEqual(['1 ok', '2 ok']);
  });

  it('ARP-7, R3 given away or taken off while it is let answer: nobody is told, so its followers do not answer', async () => {
    const yard = new Yard();
    let wanted = true;
    const addresses = [place('1'), place('f1')];
    yard.plumber.plumb(yard.job('1', { addresses, wanted: () => wanted }));
    yard.plumber.plumb(yard.job('2'));
    yard.before = (call) => {
      if (call === 'own') wanted = false;
    };
    await yard.pass();
    expect(yard.steps).toEqual(['plumb 1 f1 2', 'own 1 f1 2', 'tell 2', 'disown 1 f1']);
    expect(yard.done).toEqual(['1 ok', '2 ok']);
  });

  it('NET-8, INV-7 an address or follower that cannot be put on takes the rest of its job off, and only that', async () => {
    const yard = new Yard();
    yard.refuses.add('f1');
    yard.plumber.plumb(yard.job('1', { addresses: [place('1'), place('f1')] }));
    yard.plumber.plumb(yard.job('2', { addresses: [place('2'), place('f2')] }));
    await yard.pass();
    expect(yard.steps).toEqual(['plumb 1 f1 2 f2', 'own 2 f2', 'tell 2 f2', 'disown 1 f1', 'unplumb 1 f1']);
    expect(yard.done).toEqual(['1 no', '2 ok']);
  });

  it('NET-9 one that cannot be taken off does not hide that the others are off', async () => {
    const yard = new Yard();
    yard.refuses.add('2');
    for (const ip of ['1', '2', '3']) yard.plumber.unplumb(yard.job(ip));
    await yard.pass();
    expect(yard.done).toEqual(['1 ok', '2 no', '3 ok']);
  });

  it('NET-8 broken machinery fails the whole batch, and the next batch has its chance', async () => {
    const yard = new Yard();
    yard.before = () => {
      throw new Error('ip: command not found');
    };
    yard.plumber.plumb(yard.job('1'));
    yard.plumber.plumb(yard.job('2'));
    await yard.pass();
    expect(yard.done).toEqual(['1 ip: command not found', '2 ip: command not found']);
    expect(yard.recorder.texts('error')).toEqual(['error: cannot undo: ip: command not found']);
    yard.before = () => {};
    yard.plumber.plumb(yard.job('1'));
    await yard.pass();
    expect(yard.done.at(-1)).toBe('1 ok');
  });

  it('LIFE-18 when they cannot be let answer they are taken off', async () => {
    const yard = new Yard();
    yard.before = (call) => {
      if (call === 'own') throw new Error('nft died');
    };
    yard.plumber.plumb(yard.job('1'));
    await yard.pass();
    expect(yard.steps).toEqual(['plumb 1', 'own 1', 'disown 1', 'unplumb 1']);
    expect(yard.done).toEqual(['1 nft died']);
  });
});
