import { describe, expect, it } from 'vitest';
import { Berth, coolDownMs, ip, patienceMs } from './berth.ts';

const placeOf = (address: string) => ({ ip: address, prefixBits: 32, interface: 'eth0' });

describe('maintenance', () => {
  it('NET-15, NET-16 somebody takes it off: put on again after if_down_limit, services anew', async () => {
    const berth = await Berth.owning();
    berth.machine.takeOff(ip);
    expect(berth.state()).toBe('missing');
    expect(berth.recorder.texts('error')).toEqual([`error: ${ip} is owned here, but not on the interface`]);
    await berth.pass(patienceMs - 10);
    expect(berth.on).toBe('');
    await berth.pass(30);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
    expect(berth.steps).toContain(`online ${ip}`);
    expect(berth.steps).toContain(`tell neighbours ${ip}`);
  });

  it('NET-15, ARP-7, INV-6 taken off before it was let answer: not announced, not served, put on again', async () => {
    const berth = await Berth.ready();
    const own = berth.machine.own.bind(berth.machine);
    berth.machine.own = (ips, owned) => {
      berth.machine.own = own;
      berth.machine.takeOff(ip);
      own(ips, owned);
    };
    berth.assign();
    await berth.pass(20);
    expect([berth.state(), berth.local.plumbed]).toEqual(['missing', []]);
    expect(berth.steps).not.toContain(`tell neighbours ${ip}`);
    expect(berth.steps).not.toContain(`online ${ip}`);
    await berth.pass(patienceMs);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
    expect(berth.steps).toContain(`online ${ip}`);
  });

  it('NET-16 given away while it is missing: released at once', async () => {
    const berth = await Berth.owning();
    berth.machine.takeOff(ip);
    berth.unassign();
    await berth.pass(20);
    expect([berth.state(), berth.steps.at(-1)]).toEqual(['elsewhere', `released ${ip}`]);
    await berth.pass(2 * patienceMs);
    expect(berth.on).toBe('');
  });

  it('NET-15, NET-8, INV-6 it cannot be put on again: what served on it ends, and it no longer counts as on', async () => {
    const berth = await Berth.owning();
    berth.machine.refusesOn.set(ip, 'no');
    berth.machine.takeOff(ip);
    await berth.pass(patienceMs + 30);
    expect(berth.state()).toBe('failed');
    expect(berth.steps).toContain(`offline ${ip}`);
    // Nothing is said to the neighbours about it after a heal (OWN-8).
    expect(berth.local.plumbed).toEqual([]);
    berth.unassign();
    expect(berth.steps.at(-1)).toBe(`released ${ip}`);
  });

  it('NET-14 an address whose removal nobody reported is missed at the next look', async () => {
    const berth = await Berth.owning();
    berth.machine.addresses.delete(ip);
    await berth.pass(coolDownMs + 10);
    expect(berth.state()).toBe('missing');
    await berth.pass(patienceMs + 20);
    expect(berth.answering).toBe(ip);
  });

  it('NET-18 when events were lost the machine is read at once', async () => {
    const berth = await Berth.owning();
    berth.machine.addresses.delete(ip);
    berth.machine.onEvent({ kind: 'unsure' } as never);
    await berth.pass(5);
    expect(berth.state()).toBe('missing');
  });

  it('NET-17, INV-5 an address put on by somebody else is taken off; other addresses are left alone', async () => {
    const berth = await Berth.ready();
    berth.machine.putOn(placeOf('192.0.2.1'));
    berth.machine.putOn(placeOf(ip));
    await berth.pass(10);
    expect(berth.on).toBe('192.0.2.1');
    expect(berth.steps).toEqual([`unplumb ${ip} eth0`]);
    await berth.pass(2 * coolDownMs);
    expect(berth.on).toBe('192.0.2.1');
  });

  it('NET-17, INV-31 what is left of it on another interface is taken off there, and it goes on answering', async () => {
    const berth = await Berth.owning();
    berth.machine.refusesOff.set(ip, 'busy');
    berth.machine.putOn({ ...placeOf(ip), interface: 'eth1' });
    await berth.pass(20);
    expect(berth.machine.addresses.get(ip)!.length).toBe(2);
    berth.machine.refusesOff.clear();
    await berth.pass(coolDownMs);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
    expect(berth.machine.addresses.get(ip)).toEqual([placeOf(ip)]);
  });

  it('NET-17 not while it is being put on here', async () => {
    const berth = await Berth.ready();
    berth.assign();
    await berth.pass(20);
    expect(berth.steps.filter((step) => step.startsWith('unplumb'))).toEqual([]);
    expect(berth.answering).toBe(ip);
  });
});

describe('an actor that dies', () => {
  it('ends its lease at that moment, releases the address, and puts it on again', async () => {
    const berth = await Berth.owning();
    dieOf(berth);
    expect(berth.steps).toEqual([`leaving ${ip}`, `disown ${ip}`]);
    await berth.pass(1.5);
    expect(berth.answering).toBe('');
    await berth.pass(30);
    expect(berth.steps.map((step) => step.split(' ')[0]).slice(2)).toEqual([
      'offline',
      'disown',
      'unplumb',
      'removed',
      'prepare',
      'plumb',
      'own',
      'tell',
      'online',
    ]);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
  });

  it('NET-10 its successor dies, too, while it releases: steps of the third still follow those before', async () => {
    const berth = await Berth.owning();
    dieOf(berth);
    dieOf(berth, 'stuck');
    await berth.pass(2_000);
    expect(berth.recorder.counted.get('actor_failures_total')).toBe(2);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
    const order = berth.steps.map((step) => step.split(' ')[0]!);
    expect(order.lastIndexOf('removed')).toBeLessThan(order.indexOf('plumb'));
  });

  it('while it says that the address is off: its successor says it', async () => {
    const berth = await Berth.owning();
    let deaths = 0;
    berth.onReleased = () => {
      if (deaths++ === 0) throw new Error('the bus is broken');
    };
    berth.unassign();
    await berth.pass(30);
    expect([berth.state(), berth.on, deaths]).toEqual(['elsewhere', '', 2]);
  });

  it('again and again: given up, its address is off, announced as incapable, and free for others', async () => {
    const berth = await Berth.owning();
    for (let deaths = 0; deaths < 6; deaths++) {
      dieOf(berth);
      await berth.pass(30);
    }
    expect([berth.state(), berth.on]).toEqual(['failed', '']);
    expect(berth.local.announcements).toMatchObject([{ ip, capable: false }]);
    expect(berth.steps).toContain(`released ${ip}`);
    expect(berth.system.failed).toBe(1);
  });
});

/** The clock gives no timer to the state that the actor enters next: an error in an action of the machine. */
function dieOf(berth: Berth, entering: 'missing' | 'stuck' = 'missing'): void {
  const { clock } = berth;
  const after = clock.after.bind(clock);
  const failures = berth.recorder.counted.get('actor_failures_total') ?? 0;
  clock.after = (delayMs, run) => {
    if (delayMs !== (entering === 'missing' ? patienceMs : 1_000)) return after(delayMs, run);
    clock.after = after;
    throw new Error('no timer');
  };
  if (entering === 'stuck') {
    berth.machine.refusesOff.set(ip, 'busy');
    clock.after(20, () => berth.machine.refusesOff.clear());
    return;
  }
  berth.vips[0]!.missing();
  expect(berth.recorder.counted.get('actor_failures_total')).toBe(failures + 1);
}
