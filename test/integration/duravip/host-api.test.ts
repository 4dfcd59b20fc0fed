/** What a Node.js program can do with floating addresses: two programs, each a node on a machine of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Asker } from '../../../lab/asker.ts';
import { FloatingNetwork } from '../../../lab/floating-network.ts';
import { until } from '../until.ts';
import { Program } from './program.ts';

const ips = ['10.84.0.1', '10.84.0.2', '10.84.0.3', '10.84.0.4'];
const folder = mkdtempSync(join(tmpdir(), 'flotilla-host-api-'));
let floating: FloatingNetwork;
let asker: Asker;
let a: Program;
let b: Program;

beforeAll(async () => {
  floating = new FloatingNetwork('a', 'b', 'client');
  asker = Asker.start(floating.on('client'), 2525, ips);
  [a, b] = await Promise.all([start('a'), start('b')]);
  // Two each: nothing is left to balance, and both say the same.
  await until(async () => {
    const [here, there] = [await owners(a), await owners(b)];
    return here.filter((owner) => owner === 'a').length === 2 && here.join() === there.join();
  });
});

afterAll(() => {
  asker.stop();
  for (const program of [a, b]) program?.kill();
  floating.remove();
  rmSync(folder, { recursive: true, force: true });
});

function start(name: string): Promise<Program> {
  const marks = (ip: string) => `Binding "out-${ip.at(-1)}" { Bind_Address = ${ip}  Enable_Duravip = true }`;
  return Program.start(
    floating.on(name),
    `cluster {
      nodename = ${name}
      nodeaddr = ${floating.address(name)}
      state_dir = "${join(folder, name)}"
      Topology "10.84.0.0/16" { interface = eth0 }
      view_mature_time = 1
      view_balance_interval = 1
      if_check_interval = 1
    }
    msgc_server { peers = [ a = ${floating.address('a')}  b = ${floating.address('b')} ]  secret = s }
    msgcserver_listener { Listen ":4809" { } }
    ${ips.map(marks).join('\n')}
    TCP_Listener { ${ips.map((ip) => `Listen "${ip}:2525" { }`).join('\n')} }`,
  );
}

interface Location {
  readonly owner: string | undefined;
  readonly local: boolean;
  readonly mature: boolean;
  readonly address: string;
}

async function owners(asked = a): Promise<(string | undefined)[]> {
  const found = await Promise.all(ips.map((ip) => asked.call<Location | undefined>('locate', ip)));
  return found.map((location) => location?.owner);
}

async function answering(): Promise<string[]> {
  const report = await asker.report();
  return ips.map((ip) => report[ip]!.last);
}

describe('the host API of floating addresses', () => {
  it('API-6 every node locates an address, by itself or by its binding', async () => {
    const [owner] = await owners();
    const expected = { ip: ips[0], owner, mature: true };
    await until(async () => {
      const both = await Promise.all([a, b].map((each) => each.call<Location>('locate', ips[0])));
      return both.every(({ mature }) => mature);
    });
    expect(await a.call('locate', 'out-1')).toMatchObject({ ...expected, local: owner === 'a' });
    expect(await b.call('locate', ips[0])).toMatchObject({
      ...expected,
      local: owner === 'b',
      address: `${floating.address(owner!)}:4802`,
    });
    expect(await a.call('locate', 'nobody')).toBeUndefined();
  });

  it('API-3 NET-7 NET-12 services start on an address that is on, after its owner was asked, and clients reach them', async () => {
    await until(async () => JSON.stringify(await answering()) === JSON.stringify(await owners()));
    for (const program of [a, b]) {
      for (const { text, isOn } of program.told.filter(({ what }) => what === 'start')) {
        expect(isOn).toBe(true);
        const ip = text.replace(/:\d+$/, '');
        const order = program.told.map(({ what, text: said }) => `${what} ${said}`);
        expect(order.indexOf(`before ${ip}`)).toBeLessThan(order.indexOf(`start ${text}`));
      }
    }
    // The endpoint that the program listed itself, beside the one of the configuration.
    const owner = (await owners())[0] === 'a' ? a : b;
    expect(owner.texts('start')).toEqual(expect.arrayContaining(['10.84.0.1:2525', '10.84.0.1:2526']));
  });

  it('API-2 both are told of the labels of each address', async () => {
    await until(() =>
      [a, b].every((each) => ips.every((ip) => each.texts('label').includes(`${ip} owned,safe`))),
    );
  });

  it('API-4 bindings come and go with their address', async () => {
    await until(() => [...a.texts('online'), ...b.texts('online')].includes('out-1 10.84.0.1'));
    expect(a.told.filter(({ what }) => what === 'online').every(({ isOn }) => isOn)).toBe(true);
  });

  it('API-2 API-14 EXT-11 API-7 NET-9 an address that its owner calls incapable moves; both hear of it when it has', async () => {
    const owner = (await owners())[1]!;
    const [from, to, target] = owner === 'a' ? [a, b, 'b'] : [b, a, 'a'];
    for (const program of [a, b]) program.told.length = 0;
    await from.call('setCapable', '10.84.0.2', false, 'under test');
    await until(() =>
      [from, to].every((program) => program.texts('change').some((text) => text.startsWith('10.84.0.2 '))),
    );
    await until(async () => (await answering())[1] === target);
    const change = `10.84.0.2 ${owner} ${target} failed`;
    expect(from.texts('change')).toContain(change);
    expect(to.texts('change')).toContain(change);
    // The loser hears when it is off, the winner when it is on.
    expect(from.told.find(({ text }) => text === change)?.isOn).toBe(false);
    expect(to.told.find(({ text }) => text === change)?.isOn).toBe(true);
    for (const program of [from, to]) expect(program.texts('vip')).toContain(`10.84.0.2 ${target}`);
    const order = from.told
      .filter(({ what }) => what !== 'vip' && what !== 'label')
      .map(({ what, text }) => `${what} ${text}`)
      .filter((text) => text.includes('10.84.0.2'));
    expect(order).toEqual([
      'offline out-2 10.84.0.2',
      'stop 10.84.0.2:2525',
      'after 10.84.0.2',
      `change ${change}`,
    ]);
    expect(from.texts('round').length).toBeGreaterThan(0);
    await from.call('setCapable', '10.84.0.2', true);
  });

  it('API-5 who vetoes an address does not get it', async () => {
    const owner = (await owners())[2]!;
    const [from, to] = owner === 'a' ? [a, b] : [b, a];
    await to.call('veto', '10.84.0.3');
    to.told.length = 0;
    await from.call('setCapable', '10.84.0.3', false, 'under test');
    await until(async () => (await owners())[2] !== owner);
    // Nobody can have it now: given to the one, it came back at once.
    await until(async () => (await answering())[2] === '');
    expect(to.texts('start')).not.toContain('10.84.0.3:2525');
    await from.call('setCapable', '10.84.0.3', true);
    await until(async () => (await answering())[2] === owner);
    await to.call('allow', '10.84.0.3');
  });

  it('LIFE-9 a program that stops its node has released everything', async () => {
    a.told.length = 0;
    const [owned, stopped] = [await owners(), a.call('stop')];
    await stopped;
    const lost = ips.filter((_, at) => owned[at] === 'a');
    expect(a.texts('after').sort()).toEqual(lost);
    await until(async () => (await answering()).every((name) => name === 'b'));
  });
});
