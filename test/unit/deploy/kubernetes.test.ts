/**
 * The manifests against the types of Kubernetes: each document becomes an object literal of its kind, of which the compiler
 * finds fields that do not exist, are missing, or hold something else. `kubectl` accepts unknown fields without a server.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
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

/** What the compiler says about these, by the line of the manifest. */
function problemsOf(all: readonly Manifest[]): string[] {
  const name = fileURLToPath(new URL('../../manifests.ts', import.meta.url));
  const lines = all.map(
    (each, at) =>
      `export const m${at}: import('${moduleOf(each.apiVersion)}').${each.kind} = ${JSON.stringify(each)};`,
  );
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    types: [],
    lib: ['lib.es2020.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  const source = ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ES2020);
  host.fileExists = (file) => file === name || fileExists(file);
  host.getSourceFile = (file, ...rest) => (file === name ? source : getSourceFile.call(host, file, ...rest));
  const program = ts.createProgram([name], options, host);
  return program.getSemanticDiagnostics(source).map(({ start = 0, messageText }) => {
    const { line } = source.getLineAndCharacterOfPosition(start);
    return `${all[line]?.kind}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
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
