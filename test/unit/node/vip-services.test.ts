import { describe, expect, it } from 'vitest';
import type { VipAddressSettings } from '../../../src/core/settings.ts';
import type { VipListener } from '../../../src/node/vip-listeners.ts';
import { VipServices } from '../../../src/node/vip-services.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const ip = '10.0.0.1';

function vip(address: string, followers: readonly string[] = []): VipAddressSettings {
  const announcement = { ip: address, names: [`b${address}`], services: [], preference: [], followers };
  return { announcement, places: undefined, block: undefined };
}

interface Stage {
  readonly services: VipServices;
  readonly clock: VirtualClock;
  readonly recorder: Recorder;
  /** What happened, in order. */
  readonly done: string[];
  listen(endpoint: string, options?: { kind?: string; fails?: boolean; isOpen?: boolean }): void;
}

function stage(vips = [vip(ip)], parallel = 16): Stage {
  const clock = new VirtualClock();
  const recorder = new Recorder();
  const done: string[] = [];
  const settings = { vips, services: { releaseGraceMs: 700, parallel, unconditionalRebind: true } };
  const services = new VipServices({
    settings,
    clock,
    log: recorder.log,
  });
  return {
    services,
    clock,
    recorder,
    done,
    listen: (endpoint, { kind = 'esmtp', fails = false, isOpen = false } = {}) => {
      const listener: VipListener = {
        kind,
        endpoint,
        isOpenToProgram: isOpen,
        start: async () => {
          if (fails) throw new Error(`${endpoint} is in use`);
          done.push(`start ${endpoint}`);
        },
        stop: async (graceMs) => void done.push(`stop ${endpoint} within ${graceMs}`),
      };
      void services.reconfigure(settings, [...services.configured, listener]);
    },
  };
}

function handler(done: string[], name = 'program', endpoints: readonly string[] = []) {
  return {
    start: (endpoint: string) => void done.push(`${name} start ${endpoint}`),
    stop: (endpoint: string, graceMs: number) => void done.push(`${name} stop ${endpoint} within ${graceMs}`),
    list: () => endpoints,
  };
}

const bindings = (done: string[]) => ({
  online: (names: readonly string[]) => void done.push(`online ${names.join()}`),
  offline: (names: readonly string[]) => void done.push(`offline ${names.join()}`),
});

describe('what serves on a floating address', () => {
  it('NET-7 NET-9 INV-6 starts when it comes, bindings last, and ends when it goes, bindings first', async () => {
    const { services, done, listen } = stage([vip(ip, ['10.0.1.1'])]);
    listen(`${ip}:25`);
    listen('10.0.1.1:80');
    listen('10.0.0.2:25');
    await services.registerBindings(bindings(done));
    expect(done).toEqual([]);
    expect(await services.online(ip)).toEqual({ ok: true });
    expect(done).toEqual([`start ${ip}:25`, 'start 10.0.1.1:80', `online b${ip}`]);
    done.length = 0;
    await services.offline(ip);
    expect(done).toEqual([`offline b${ip}`, `stop ${ip}:25 within 700`, 'stop 10.0.1.1:80 within 700']);
    done.length = 0;
    await services.offline(ip);
    expect(done).toEqual([]);
  });

  it('NET-8 an address on which one service cannot start has none, and the reason goes to the actor', async () => {
    const { services, done, listen } = stage();
    listen(`${ip}:25`);
    listen(`${ip}:80`, { fails: true });
    expect(await services.online(ip)).toEqual({ ok: false, reason: `${ip}:80 is in use` });
    expect(done).toEqual([`start ${ip}:25`, `stop ${ip}:25 within 700`]);
    expect(services.isOn(ip)).toBe(false);
  });

  it('NET-15 an address that comes again without having gone has its services restarted, a line for each', async () => {
    const { services, done, listen, recorder } = stage();
    listen(`${ip}:25`);
    await services.online(ip);
    await services.online(ip);
    expect(done).toEqual([`start ${ip}:25`, `stop ${ip}:25 within 700`, `start ${ip}:25`]);
    expect(recorder.texts('error')).toEqual([
      `error: ${ip} was taken off by somebody else: restarted`,
      `error: restarted esmtp ${ip}:25`,
    ]);
  });

  it('NET-10 comes and goes one after the other, whoever asks first', async () => {
    const { services, done, listen } = stage();
    listen(`${ip}:25`);
    await Promise.all([services.online(ip), services.offline(ip), services.online(ip)]);
    expect(done).toEqual([`start ${ip}:25`, `stop ${ip}:25 within 700`, `start ${ip}:25`]);
  });

  it('NET-10 plumb_parallel bounds how many addresses start at once', async () => {
    const ips = Array.from({ length: 9 }, (_, n) => `10.0.0.${n + 1}`);
    const { services } = stage(
      ips.map((each) => vip(each)),
      4,
    );
    let [now, most] = [0, 0];
    await services.registerBindings({
      online: async () => {
        most = Math.max(most, ++now);
        await new Promise((turn) => setImmediate(turn));
        now--;
      },
      offline: () => {},
    });
    const all = await Promise.all(ips.map((each) => services.online(each)));
    expect(all.every(({ ok }) => ok)).toBe(true);
    expect(most).toBe(4);
  });
});

describe('services and hooks of the host program', () => {
  it('API-3 take over listeners of their kind without upstream, and add endpoints of their own', async () => {
    const { services, done, listen } = stage();
    listen(`${ip}:25`, { isOpen: true });
    listen(`${ip}:26`);
    await services.online(ip);
    done.length = 0;
    await services.registerService('esmtp', handler(done, 'program', [`${ip}:27`, `${ip}:25`]));
    expect(done).toEqual([`stop ${ip}:25 within 0`, `program start ${ip}:25`, `program start ${ip}:27`]);
    expect(services.addedTo(ip)).toEqual([{ kind: 'esmtp', endpoint: `${ip}:27` }]);
    done.length = 0;
    await services.offline(ip);
    expect(done.sort()).toEqual([
      `program stop ${ip}:25 within 700`,
      `program stop ${ip}:27 within 700`,
      `stop ${ip}:26 within 700`,
    ]);
    await expect(services.registerService('x', handler(done, 'x', ['nowhere']))).rejects.toThrow(/nowhere/);
  });

  it('API-5 a veto, and a hook that takes too long, keep the address off', async () => {
    const { services, clock } = stage();
    const remove = services.acquiring.add({ before: () => Promise.reject(new Error('not ready')) });
    expect(await services.prepare(ip)).toEqual({ ok: false, reason: 'not ready' });
    remove();
    expect(await services.prepare(ip)).toEqual({ ok: true });
    services.acquiring.add({ before: () => new Promise(() => {}) });
    const outcome = services.prepare(ip);
    await new Promise((turn) => setImmediate(turn));
    await clock.advance(5_000);
    expect(await outcome).toEqual({ ok: false, reason: 'onAcquire before took longer than 5 s' });
  });

  it('API-5 nothing keeps an address from going: failures are logged', async () => {
    const { services, listen, done, recorder, clock } = stage();
    listen(`${ip}:25`);
    await services.registerBindings({
      online: () => {},
      offline: () => new Promise<void>(() => {}),
    });
    services.releasing.add({
      before: () => {
        throw new Error('not now');
      },
      after: () => {
        done.push('after');
        throw new Error('too late');
      },
    });
    await services.online(ip);
    const going = services.offline(ip);
    await new Promise((turn) => setImmediate(turn));
    await clock.advance(5_000);
    await going;
    services.removed(ip);
    await new Promise((turn) => setImmediate(turn));
    expect(done).toEqual([`start ${ip}:25`, `stop ${ip}:25 within 700`, 'after']);
    expect(recorder.texts('error')).toEqual([
      `error: ${ip}: Error: not now`,
      `error: ${ip}: Error: bindings off ${ip} took longer than 5 s`,
      `error: ${ip}: onRelease after: Error: too late`,
    ]);
  });

  it('hooks are told what the address is', async () => {
    const { services } = stage([vip(ip, ['10.0.1.1'])]);
    const told: unknown[] = [];
    services.acquiring.add({ before: (context) => void told.push(context) });
    await services.prepare(ip);
    expect(told).toEqual([{ ip, bindings: [`b${ip}`], followers: ['10.0.1.1'], services: [] }]);
  });
});
