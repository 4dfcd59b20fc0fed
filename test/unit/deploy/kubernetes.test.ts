/**
 * The manifests against the types of Kubernetes: each document becomes an object literal of its kind, of which the compiler
 * finds fields that do not exist, are missing, or hold something else. `kubectl` accepts unknown fields without a server.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const base = new URL('../../../deploy/kubernetes/base/', import.meta.url);
const files = readdirSync(base).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const manifests = files.flatMap((file) =>
  parseAllDocuments(readFileSync(new URL(file, base), 'utf8'), { merge: true }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  }),
);

/** `apps/v1` -> `kubernetes-types/apps/v1`. */
function moduleOf(apiVersion: string): string {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  return `kubernetes-types/${group?.split('.')[0]}/${version}`;
}

const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace('package.json', 'bin/tsc');
const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const compilerOptions = {
  strict: true,
  noEmit: true,
  types: [],
  lib: ['es2020'],
  module: 'nodenext',
  skipLibCheck: true,
};

/** What the compiler says about these, each after its kind. */
function problemsOf(all: readonly Manifest[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-manifests-'));
  try {
    symlinkSync(packages, join(folder, 'node_modules'));
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['manifests.ts'] }),
    );
    const lines = all.map(
      (each, at) =>
        `export const m${at}: import('${moduleOf(each.apiVersion)}').${each.kind} = ${JSON.stringify(each)};`,
    );
    writeFileSync(join(folder, 'manifests.ts'), lines.join('\n'));
    const { status, stdout } = spawnSync(process.execPath, [tsc, '--pretty', 'false', '-p', folder]);
    const said = [...String(stdout).matchAll(/^[^\s(][^(\n]*\((\d+),\d+\): (.*)/gm)];
    expect(said.length > 0, String(stdout)).toBe(status !== 0);
    return said.map(([, line, text]) => `${all[Number(line) - 1]?.kind}: ${text}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Pods {
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}
interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly securityContext?: { readonly runAsNonRoot?: boolean };
  readonly containers: readonly {
    readonly securityContext: {
      readonly readOnlyRootFilesystem: boolean;
      readonly allowPrivilegeEscalation: boolean;
      readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
    };
    readonly livenessProbe: { readonly httpGet: { readonly path: string } };
    readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  }[];
}

const podsOf = (kind: string) =>
  (manifests.find((each) => each.kind === kind) as unknown as Pods).spec.template.spec;

describe('the Kubernetes manifests', () => {
  it('fit the types of Kubernetes, of which nothing unknown would slip through', () => {
    const wrong = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x', lables: {} } },
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' }, spec: { replicas: 'one' } },
    ] as unknown as Manifest[];
    const problems = problemsOf([...manifests, ...wrong]);
    expect(problems.filter((text) => !/lables|string.*number|missing/.test(text))).toEqual([]);
    expect(problems.some((text) => text.includes('lables'))).toBe(true);
    expect(problems.length).toBeLessThanOrEqual(3);
  });

  it('are all named in the kustomization, with the configuration files', () => {
    const kustomization = parse(readFileSync(new URL('kustomization.yaml', base), 'utf8')) as {
      resources: string[];
      configMapGenerator: { files: string[] }[];
    };
    expect([...kustomization.resources].sort()).toEqual([...files].sort());
    for (const { files: named } of kustomization.configMapGenerator)
      for (const file of named) expect(readdirSync(base)).toContain(file);
  });

  it('are a DaemonSet on the network of the hosts, a Deployment for the manager, budgets and a policy', () => {
    const kinds = manifests.map(({ kind }) => kind);
    for (const kind of ['DaemonSet', 'Deployment', 'PodDisruptionBudget', 'NetworkPolicy'])
      expect(kinds).toContain(kind);
    expect(podsOf('DaemonSet').hostNetwork).toBe(true);
    expect(podsOf('Deployment').hostNetwork).toBeUndefined();
    expect(podsOf('Deployment').securityContext?.runAsNonRoot).toBe(true);
  });

  it.each(['DaemonSet', 'Deployment'])(
    'the pods of the %s have a read-only root, few capabilities, and probes',
    (kind) => {
      const [container] = podsOf(kind).containers;
      const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = container!.securityContext;
      expect([readOnlyRootFilesystem, allowPrivilegeEscalation]).toEqual([true, false]);
      expect(capabilities.drop).toEqual(['ALL']);
      expect(capabilities.add).toEqual(
        kind === 'DaemonSet' ? ['NET_ADMIN', 'NET_RAW', 'NET_BIND_SERVICE'] : undefined,
      );
      // Whether it is alive never depends on NATS: else its loss would have all nodes killed.
      expect(container!.livenessProbe.httpGet.path).toBe('/healthz');
      expect(container!.readinessProbe.httpGet.path).toBe('/readyz');
    },
  );
});
