import { describe, expect, it } from 'vitest';
import { Health, type HealthParts } from '../../../src/node/health.ts';
import { healthText, isHealthy } from '../../../src/observe/health.ts';

interface Around {
  state?: string;
  actors?: readonly string[];
  m?: string;
  s?: string;
  standing?: string;
  rows?: readonly string[];
  hasJoined?: boolean;
}

/** A process in which all is well, but for what is said. */
function healthOf({
  state = 'serving',
  actors = ['serving', 'settled live'],
  m = 'up',
  s = 'up',
  standing = 'settled',
  rows = ['whole', 'alone'],
  hasJoined = true,
}: Around = {}): Health {
  const system = {
    list: () => actors.map((each, at) => ({ id: `actor ${at}`, state: each })),
    failed: 0,
  };
  const life = {
    links: { m: { state: m }, s: { state: s } },
    member: {
      system: { list: () => [], failed: 0 },
      membership: { standing, view: { members: [1, 2, 3] } },
      replicas: new Map(rows.map((each, at) => [`object-${at}`, { name: `object-${at}`, standing: each }])),
    },
  };
  return new Health({
    system,
    state: () => state,
    life: () => (hasJoined ? life : undefined),
    loop: { delay: { p99S: 0.0021, maxS: 0.5 } },
  } as unknown as HealthParts);
}

const failing = (around: Around) =>
  Object.fromEntries(
    healthOf(around)
      .ready.filter(({ isOk }) => !isOk)
      .map(({ name, detail }) => [name, detail]),
  );

describe('being alive', () => {
  it('never depends on the bus, on the view or on rows: else a lost NATS cluster would end the whole fleet', () => {
    for (const around of [
      {},
      { m: 'down', s: 'connecting', standing: 'offline', rows: ['partial'] },
      { hasJoined: false, state: 'joining' },
      { state: 'stopping' },
    ])
      expect(isHealthy(healthOf(around).live)).toBe(true);
  });

  it('ends with an actor that was given up, and with the node actor', () => {
    expect(isHealthy(healthOf({ actors: ['serving', 'failed'] }).live)).toBe(false);
    expect(isHealthy(healthOf({ state: 'failed' }).live)).toBe(false);
  });
});

describe('being ready', () => {
  it('needs a process that serves, both links, a view that is settled, and all rows', () => {
    expect(failing({})).toEqual({});
    expect(failing({ standing: 'alone' })).toEqual({});
    expect(failing({ state: 'stopping' })).toEqual({ state: 'stopping' });
    expect(failing({ s: 'down' })).toEqual({ bus: 'm up, s down' });
    expect(failing({ standing: 'settling' })).toEqual({ view: 'settling, 3 members' });
    expect(failing({ rows: ['whole', 'partial'] })).toEqual({ rows: 'wait for object-1' });
    expect(failing({ hasJoined: false, state: 'starting' })).toEqual({
      state: 'starting',
      bus: 'm not there, s not there',
      view: 'none, 0 members',
    });
  });

  it('is told with each check, for people and programs', () => {
    expect(healthText(healthOf({ s: 'down' }).ready)).toBe(
      '{"status":"failing","checks":[{"name":"state","status":"ok","detail":"serving"},' +
        '{"name":"bus","status":"failing","detail":"m up, s down"},' +
        '{"name":"view","status":"ok","detail":"settled, 3 members"},' +
        '{"name":"rows","status":"ok","detail":"all of all members"}]}\n',
    );
    expect(healthText(healthOf().live)).toContain('late by 2.1 ms (99th percentile), 500.0 ms at most');
  });
});
