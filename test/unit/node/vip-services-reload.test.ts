import { describe, expect, it } from 'vitest';
import type { VipAddressSettings } from '../../../src/core/settings.ts';
import type { VipListener } from '../../../src/node/vip-listeners.ts';
import { VipServices } from '../../../src/node/vip-services.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const [one, two] = ['10.0.0.1', '10.0.0.2'];

interface VipOptions {
  readonly names?: readonly string[];
  readonly followers?: readonly string[];
}

function vip(ip: string, { names = [`b${ip}`], followers = [] }: VipOptions = {}): VipAddressSettings {
  return {
    announcement: { ip, names, services: [], preference: [], followers },
    places: undefined,
    block: undefined,
  };
}

const settings = (...vips: VipAddressSettings[]) => ({
  vips,
  services: { releaseGraceMs: 700, parallel: 2, unconditionalRebind: true },
});

function stage(...vips: VipAddressSettings[]) {
  const done: string[] = [];
  const recorder = new Recorder();
  const clock = new VirtualClock();
  const services = new VipServices({ settings: settings(...vips), clock, log: recorder.log });
  const failing = new Set<string>();
  const listener = (endpoint: string, isOpenToProgram = false): VipListener => ({
    kind: 'esmtp',
    endpoint,
    isOpenToProgram,
    start: async () => {
      if (failing.has(endpoint)) throw new Error(`${endpoint} is in use`);
      done.push(`start ${endpoint}`);
    },
    stop: async (graceMs) => void done.push(`stop ${endpoint} within ${graceMs}`),
  });
  const told = () => done.splice(0);
  return { services, done, told, listener, failing, recorder };
}

describe('services when the configuration changes', () => {
  it('DVC-14 NET-12 on an address that is on, what is new starts, what is gone stops, what stays is not touched', async () => {
    const { services, told, listener } = stage(vip(one), vip(two));
    const [kept, gone, other] = [listener(`${one}:25`), listener(`${one}:26`), listener(`${two}:25`)];
    await services.reconfigure(settings(vip(one), vip(two)), [kept, gone, other]);
    await services.online(one);
    told();
    await services.reconfigure(settings(vip(one), vip(two)), [
      kept,
      listener(`${one}:27`),
      other,
      listener(`${two}:27`),
    ]);
    expect(told()).toEqual([`stop ${one}:26 within 700`, `start ${one}:27`]);
    await services.online(two);
    expect(told()).toEqual([`start ${two}:25`, `start ${two}:27`]);
  });

  it('DVC-14 API-4 bindings that get another name: only those are taken from the program and given to it', async () => {
    const { services, done, told } = stage(vip(one, { names: ['a', 'b'] }));
    await services.registerBindings({
      online: (names) => void done.push(`online ${names}`),
      offline: (names) => void done.push(`offline ${names}`),
    });
    await services.online(one);
    told();
    await services.reconfigure(settings(vip(one, { names: ['b', 'c'] })), []);
    expect(told()).toEqual(['offline a', 'online c']);
    await services.offline(one);
    expect(told()).toEqual(['offline b,c']);
  });

  it('DVC-14 one service that cannot start: everything is as before, on all addresses, and the reason is told', async () => {
    const { services, told, listener, failing } = stage(vip(one), vip(two));
    const before = [listener(`${one}:25`), listener(`${two}:25`)];
    await services.reconfigure(settings(vip(one), vip(two)), before);
    await services.online(one);
    await services.online(two);
    told();
    failing.add(`${two}:26`);
    const after = [listener(`${one}:26`), listener(`${two}:26`)];
    await expect(services.reconfigure(settings(vip(one), vip(two)), after)).rejects.toThrow(
      `${two}:26 is in use`,
    );
    expect(services.configured).toBe(before);
    expect(services.unsettled.size).toBe(0);
    const running = (ip: string) => [`stop ${ip}:25 within 700`, `start ${ip}:25`];
    expect(told()).toEqual(
      expect.arrayContaining([...running(one), ...running(two), `stop ${one}:26 within 700`]),
    );
    await services.offline(two);
    expect(told()).toEqual([`stop ${two}:25 within 700`]);
  });

  it('DVC-14 what cannot be brought back either is told as unsettled, until it is off', async () => {
    const { services, listener, failing, recorder } = stage(vip(one));
    await services.reconfigure(settings(vip(one)), [listener(`${one}:25`)]);
    await services.online(one);
    for (const port of [25, 26]) failing.add(`${one}:${port}`);
    await expect(services.reconfigure(settings(vip(one)), [listener(`${one}:26`)])).rejects.toThrow('in use');
    expect([...services.unsettled]).toEqual([one]);
    expect(recorder.texts('critical')).toHaveLength(1);
    services.removed(one);
    expect([...services.unsettled]).toEqual([]);
  });

  it('DVC-16 an address that is gone keeps its services and names until it goes, and goes with all of them', async () => {
    const { services, done, told, listener } = stage(vip(one));
    await services.registerBindings({
      online: () => {},
      offline: (names) => void done.push(`offline ${names}`),
    });
    await services.reconfigure(settings(vip(one)), [listener(`${one}:25`)]);
    await services.online(one);
    told();
    await services.reconfigure(settings(), []);
    expect(told()).toEqual([]);
    await services.offline(one);
    expect(told()).toEqual([`offline b${one}`, `stop ${one}:25 within 700`]);
  });

  it('DVC-14 an address that another follows now is left alone: it goes off and comes back whole', async () => {
    const { services, told, listener } = stage(vip(one));
    await services.reconfigure(settings(vip(one)), [listener(`${one}:25`)]);
    await services.online(one);
    told();
    const now = vip(one, { followers: ['10.0.1.1'] });
    await services.reconfigure(settings(now), [listener(`${one}:25`), listener('10.0.1.1:25')]);
    expect(told()).toEqual([]);
    await services.offline(one);
    await services.online(one);
    expect(told()).toEqual([`stop ${one}:25 within 700`, `start ${one}:25`, 'start 10.0.1.1:25']);
  });

  it('API-3 a service of the program goes on over a reload that does not concern it', async () => {
    const { services, done, told, listener } = stage(vip(one));
    await services.reconfigure(settings(vip(one)), [listener(`${one}:25`, true)]);
    await services.registerService('esmtp', {
      start: (endpoint) => void done.push(`program start ${endpoint}`),
      stop: (endpoint) => void done.push(`program stop ${endpoint}`),
      list: () => [`${one}:80`],
    });
    await services.online(one);
    told();
    await services.reconfigure(settings(vip(one)), [...services.configured, listener(`${one}:26`)]);
    expect(told()).toEqual([`start ${one}:26`]);
  });
});
