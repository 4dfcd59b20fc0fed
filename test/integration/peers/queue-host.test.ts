/** Three queue hosts that float six bindings between them, while mail comes in to all of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FloatingNetwork } from '../../../lab/floating-network.ts';
import { until } from '../until.ts';
import { MailSource } from './mail-source.ts';
import { Relay, type RelayOptions } from './relay.ts';

const machines = ['a', 'b', 'c'];
const addresses = 6;
let network: FloatingNetwork;
let relays: Relay[];
let source: MailSource;

beforeAll(async () => {
  network = new FloatingNetwork(...machines, 'client');
  const options: RelayOptions = { network, machines, addresses };
  relays = machines.map((name) => new Relay(name, options));
  await Promise.all(relays.map((relay) => relay.start()));
  await settled();
  source = new MailSource(
    network.on('client'),
    addresses,
    relays.map(({ address }) => address),
  );
});

afterAll(async () => {
  source?.kill();
  await Promise.all((relays ?? []).map((relay) => relay.kill()));
  network?.remove();
});

/** All nodes say the same about who has which binding, and each has some. */
async function settled(): Promise<void> {
  let seen = '';
  await until(async () => {
    const views = await Promise.all(relays.map(owners));
    seen = JSON.stringify(views);
    return new Set(views.map(String)).size === 1 && machines.every((name) => views[0]!.includes(name));
  }, 40_000).catch(() => {
    throw new Error(seen);
  });
}

/** By binding. */
async function owners(relay: Relay): Promise<string[]> {
  const { vips } = JSON.parse(await relay.console('json cluster duravip show'));
  return vips.map(({ owner }: { owner?: string }) => owner ?? '');
}

/** Accepted, so far. */
async function more(messages: number): Promise<void> {
  const before = source.accepted.size;
  await until(() => source.accepted.size >= before + messages, 40_000);
}

const all = (folder: Parameters<Relay['messages']>[0]) => relays.flatMap((relay) => relay.messages(folder));

async function everywhere(line: string): Promise<void> {
  await Promise.all(relays.map((relay) => relay.ask(line)));
}

const movesSeen = () => all('delivered').filter(({ hops }) => hops > 0).length;

describe('a queue that follows its bindings', () => {
  it('MOV-1 MOV-3 API-8 mail that comes in where its binding is not is moved to where it is, and leaves from there', async () => {
    await more(60);
    await until(() => all('delivered').length >= 60);
    const delivered = relays.flatMap((relay) =>
      relay.messages('delivered').map((message) => ({ relay, ...message })),
    );
    expect(delivered.some(({ hops }) => hops === 1)).toBe(true);
    expect(delivered.some(({ hops }) => hops === 0)).toBe(true);
    for (const [n] of relays.entries()) {
      const bindings = new Set(relays[n]!.messages('delivered').map(({ binding }) => binding));
      expect(bindings.size).toBe(2);
    }
  });

  it('MOV-2 MOV-6 while delivery is suspended nothing leaves and nothing moves; what has to move is in default/#mmove', async () => {
    await everywhere('suspend');
    const delivered = all('delivered').length;
    await more(150);
    expect(all('delivered').length).toBeLessThanOrEqual(delivered + machines.length);
    for (const relay of relays) {
      expect((await relay.queue())['default/#mmove']).toBeGreaterThan(0);
      // What was on its way when it was suspended may still come to its end.
      await until(async () => {
        const counted = Object.values(await relay.queue()).reduce((sum, count) => sum + count);
        return counted === relay.messages('queue').length;
      });
    }
  });

  it('OWN-32 MOV-1 MOV-4 what waits for a binding that moves follows it', async () => {
    const [from = ''] = await owners(relays[0]!);
    const to = relays.find(({ name }) => name !== from)!;
    const waiting = relays
      .flatMap((relay) => relay.messages('queue'))
      .filter(({ binding }) => binding === 'out-1');
    expect(waiting.length).toBeGreaterThan(0);
    await relays[0]!.console(`cluster duravip move 10.84.0.1 to ${to.name}`);
    await until(async () => (await owners(to))[0] === to.name);
    await everywhere('resume');
    await until(() => {
      const there = new Set(to.messages('delivered').map(({ id }) => id));
      return waiting.every(({ id }) => there.has(id));
    });
  });

  it('CMD-18 a move can be aborted on the console; what it did not move is moved later', async () => {
    expect(await relays[0]!.console('cluster abort ECMMOVE-x')).toBe('No such job: ECMMOVE-x');
    await until(async () => {
      const [id] = /^ECMMOVE-\d{5}/.exec(await relays[0]!.console('cluster jobs')) ?? [];
      return id !== undefined && (await relays[0]!.console(`cluster abort ${id}`)) === `Aborted ${id}.`;
    });
  });

  it('API-10 INV-27 a node that is killed in the middle of moves, and started again, loses nothing and doubles nothing', async () => {
    for (const relay of [relays[1]!, relays[2]!, relays[0]!]) {
      await everywhere('suspend');
      await more(60);
      const moved = movesSeen();
      await everywhere('resume');
      await until(() => movesSeen() > moved + 3);
      await relay.kill();
      await more(40);
      await relay.start();
      await more(40);
    }
  });

  it('LIFE-9 a node that stops hands over what it can, and the rest when it is back', async () => {
    await relays[1]!.stop();
    await more(40);
    await relays[1]!.start();
    await settled();
  });

  it('API-10 R6 in the end each accepted message was delivered exactly once', async () => {
    await source.end();
    let missing: string[] = [];
    const isOver = () => {
      const there = new Set(all('delivered').map(({ subject }) => subject));
      missing = [...source.accepted].filter((subject) => !there.has(subject));
      return missing.length + all('queue').length + all('held').length === 0;
    };
    await until(isOver, 40_000).catch(() => {
      throw new Error(JSON.stringify({ missing, queue: all('queue'), held: all('held') }));
    });
    const delivered = all('delivered');
    const subjects = new Set(delivered.map(({ subject }) => subject));
    expect(subjects.size).toBe(delivered.length);
    expect(new Set(delivered.map(({ id }) => id)).size).toBe(delivered.length);
    expect(Math.max(...delivered.map(({ hops }) => hops))).toBeLessThanOrEqual(3);
    console.info(
      `${delivered.length} messages, ${delivered.filter(({ hops }) => hops > 0).length} were moved`,
    );
  });
});
