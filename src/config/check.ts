/**
 * The door to everything else here: reads a configuration, validates it, and makes the settings of a node of it.
 *
 * Invariant: never throws for any text or file; what is wrong is a finding. Settings exist only without errors.
 * Phases (CONF-9.2): reading and includes; then names, scopes and values; then cross-checks. Each runs only when the one
 * before found no error, because its findings could be consequences of earlier ones.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { NodeSettings } from '../core/settings.ts';
import type { Change } from './change.ts';
import { checkBus } from './checks/bus.ts';
import { changesPath, checkChanges } from './checks/changes.ts';
import type { Check } from './checks/check.ts';
import { checkControl } from './checks/control.ts';
import { checkDatasources } from './checks/datasources.ts';
import { checkDuravip } from './checks/duravip.ts';
import { checkIdentity } from './checks/identity.ts';
import { checkLimits } from './checks/limits.ts';
import { checkListeners } from './checks/listeners.ts';
import { checkLogging } from './checks/logging.ts';
import { checkMetrics } from './checks/metrics.ts';
import { checkRedis } from './checks/redis.ts';
import { checkReplicate } from './checks/replicate.ts';
import { checkSecurity } from './checks/security.ts';
import { type ConfigurationFiles, diskFiles } from './files.ts';
import { type Finding, type FindingCounts, Findings } from './finding.ts';
import { identityOf, nodenameOutside, type Surroundings } from './identity.ts';
import { itemsOf, type LoadedConfiguration, loadConfiguration } from './load.ts';
import { parseSource } from './parser.ts';
import { quoted } from './print.ts';
import { globalScope } from './schema/global.ts';
import type { Scope } from './scope-tree.ts';
import { changesName, etcDirectory, searchPathOf } from './search-path.ts';
import { nodeSettingsOf } from './settings.ts';
import { Source } from './source.ts';
import type { Item } from './syntax-tree.ts';
import { buildScopeTree } from './validate.ts';

export type CheckRequest = CheckOptions &
  (
    | {
        /** Path; a name without directory is also looked for along the search path. */
        readonly file: string;
      }
    | {
        readonly text: string;
        /** How findings call the text. */
        readonly name?: string;
      }
  );

export interface CheckOptions {
  /** Environment variables: EC_NODE_NAME, EC_SUB_CLUSTER, EC_CONF_SEARCH_PATH, EC_DIGEST_REALM are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Counts instead of what the files say. */
  readonly nodename?: string | undefined;
  /** Counts instead of what the files say. */
  readonly servers?: readonly string[] | undefined;
  /** Counts instead of what the files say. */
  readonly clusterGroup?: string | undefined;
  /** Counts instead of what the files say. */
  readonly stateDir?: string | undefined;
  /** Also remark on what works but is against the rules. */
  readonly strict?: boolean;
  /** Name of the system; that of this host unless given. */
  readonly hostname?: string;
  readonly files?: ConfigurationFiles;
  /** Where the file of console changes lies unless its option is set; default: /etc/flotilla. */
  readonly etcDirectory?: string | undefined;
}

export interface CheckResult {
  /** False when there is no such file. */
  readonly found: boolean;
  /** Sorted by file and place; a thousand at most, while `counts` has all. */
  readonly findings: readonly Finding[];
  readonly counts: FindingCounts;
  /** The scopes, when there is no error. */
  readonly tree?: Scope;
  readonly settings?: NodeSettings;
  /** The files, once they were read without an error. */
  readonly loaded?: LoadedConfiguration;
}

/** How findings call what was given beside the files. */
export const givenName = 'given options';

const checks: readonly Check[] = [
  checkIdentity,
  checkBus,
  checkReplicate,
  checkLimits,
  checkListeners,
  checkControl,
  checkDuravip,
  checkLogging,
  checkDatasources,
  checkRedis,
  checkMetrics,
  checkSecurity,
  checkChanges,
];

/** Reads and checks a configuration. Whatever is wrong with it is in the result. */
export function checkConfiguration(request: CheckRequest): CheckResult {
  const first = new Findings();
  const without = load(request, first, undefined);
  if (without === undefined) return { found: false, findings: [], counts: first.counts };
  const changesFile = 'file' in request ? changesFileOf(without, request) : undefined;
  const files = request.files ?? diskFiles;
  if (first.hasErrors || changesFile === undefined || files.facts(changesFile).kind === 'none')
    return checkLoaded(without, request, [], first);
  const findings = new Findings();
  const loaded = load(request, findings, changesFile) ?? without;
  return checkLoaded(loaded, request, [], findings);
}

/** Files that were read before, with changes from a console. */
export function checkChanged(
  loaded: LoadedConfiguration,
  request: CheckRequest,
  changes: readonly Change[],
): CheckResult {
  return checkLoaded(loaded, request, changes, new Findings());
}

function load(
  request: CheckRequest,
  findings: Findings,
  changesFile: string | undefined,
): LoadedConfiguration | undefined {
  const { files = diskFiles, strict = false, environment } = request;
  const outside = request.nodename ?? nodenameOutside(surroundingsOf(request));
  const main =
    'file' in request
      ? { path: request.file }
      : { text: request.text, name: request.name ?? 'configuration' };
  const searchPath = searchPathOf(outside, environment.EC_CONF_SEARCH_PATH);
  return loadConfiguration(main, { files, searchPath, findings, strict, changesFile });
}

/** Undefined when the option is set to nothing. */
export function changesFileOf(
  loaded: LoadedConfiguration,
  { etcDirectory: etc = etcDirectory }: CheckOptions,
): string | undefined {
  let stated: string | undefined;
  for (const item of itemsOf(loaded.main.items, loaded))
    if (item.kind === 'assignment' && item.name.text.toLowerCase() === 'local_changes_file')
      stated = item.value.kind === 'scalar' ? item.value.text : stated;
  if (stated === '') return undefined;
  return stated === undefined ? join(etc, changesName) : changesPath(loaded.main.path, stated);
}

function surroundingsOf({ environment, hostname: name = hostname() }: CheckOptions): Surroundings {
  return { environment, hostname: name };
}

function checkLoaded(
  loaded: LoadedConfiguration,
  request: CheckRequest,
  changes: readonly Change[],
  findings: Findings,
): CheckResult {
  const given = givenItems(request, loaded, findings);
  if (findings.hasErrors) return failed(findings);
  const tree = buildScopeTree(loaded, given, findings, globalScope, changes);
  if (findings.hasErrors) return failed(findings);
  const identity = identityOf(tree, surroundingsOf(request));
  const { files = diskFiles } = request;
  for (const check of checks) check({ root: tree, loaded, files, findings, identity });
  if (findings.hasErrors) return failed(findings);
  const settings = nodeSettingsOf(tree, identity, request.environment);
  return { found: true, findings: findings.list(), counts: findings.counts, tree, settings, loaded };
}

function failed(findings: Findings): CheckResult {
  return { found: true, findings: findings.list(), counts: findings.counts };
}

/** Options from outside as statements, so that the schema checks them like all others. */
function givenItems(request: CheckOptions, loaded: LoadedConfiguration, findings: Findings): Item[] {
  const { nodename, servers, clusterGroup, stateDir } = request;
  const statements = [
    nodename === undefined ? '' : `nodename = ${quoted(nodename)}`,
    servers === undefined ? '' : `servers = ( ${servers.map(quoted).join(' ')} )`,
    clusterGroup === undefined ? '' : `cluster_group = ${quoted(clusterGroup)}`,
    stateDir === undefined ? '' : `state_dir = ${quoted(stateDir)}`,
  ].filter((statement) => statement !== '');
  if (statements.length === 0) return [];
  const source = new Source(givenName, `cluster { ${statements.join(' ')} }`, loaded.files.length);
  return parseSource(source, findings, { strict: false });
}
