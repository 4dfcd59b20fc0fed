/**
 * The door to everything else here: reads a configuration, validates it, and makes the settings of a node of it.
 *
 * Invariant: never throws for any text or file; what is wrong is a finding. Settings exist only without errors.
 * Phases (CONF-9.2): reading and includes; then names, scopes and values; then cross-checks. Each runs only when the one
 * before found no error, because its findings could be consequences of earlier ones.
 */
import { hostname } from 'node:os';
import type { NodeSettings } from '../core/settings.ts';
import { checkBus } from './checks/bus.ts';
import { checkChanges } from './checks/changes.ts';
import type { Check } from './checks/check.ts';
import { checkControl } from './checks/control.ts';
import { checkDatasources } from './checks/datasources.ts';
import { checkDuravip } from './checks/duravip.ts';
import { checkIdentity } from './checks/identity.ts';
import { checkLimits } from './checks/limits.ts';
import { checkListeners } from './checks/listeners.ts';
import { checkLogging } from './checks/logging.ts';
import { checkRedis } from './checks/redis.ts';
import { checkReplicate } from './checks/replicate.ts';
import { type ConfigurationFiles, diskFiles } from './files.ts';
import { type Finding, type FindingCounts, Findings } from './finding.ts';
import { identityOf, nodenameOutside } from './identity.ts';
import { type LoadedConfiguration, loadConfiguration } from './load.ts';
import { parseSource } from './parser.ts';
import { quoted } from './print.ts';
import type { Scope } from './scope-tree.ts';
import { searchPathOf } from './search-path.ts';
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
  readonly stateDir?: string | undefined;
  /** Also remark on what works but is against the rules. */
  readonly strict?: boolean;
  /** Name of the system; that of this host unless given. */
  readonly hostname?: string;
  readonly files?: ConfigurationFiles;
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
}

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
  checkChanges,
];

/** Reads and checks a configuration. Whatever is wrong with it is in the result. */
export function checkConfiguration(request: CheckRequest): CheckResult {
  const findings = new Findings();
  const surroundings = { environment: request.environment, hostname: request.hostname ?? hostname() };
  const files = request.files ?? diskFiles;
  const outside = request.nodename ?? nodenameOutside(surroundings);
  const loaded = loadConfiguration(
    'file' in request
      ? { path: request.file }
      : { text: request.text, name: request.name ?? 'configuration' },
    {
      files,
      searchPath: searchPathOf(outside, request.environment.EC_CONF_SEARCH_PATH),
      findings,
      strict: request.strict ?? false,
    },
  );
  if (loaded === undefined) return { found: false, findings: [], counts: findings.counts };
  const given = givenItems(request, loaded, findings);
  if (findings.hasErrors) return failed(findings);
  const tree = buildScopeTree(loaded, given, findings);
  if (findings.hasErrors) return failed(findings);
  const identity = identityOf(tree, surroundings);
  for (const check of checks) check({ root: tree, loaded, files, findings, identity });
  if (findings.hasErrors) return failed(findings);
  const settings = nodeSettingsOf(tree, identity, request.environment);
  return { found: true, findings: findings.list(), counts: findings.counts, tree, settings };
}

function failed(findings: Findings): CheckResult {
  return { found: true, findings: findings.list(), counts: findings.counts };
}

/** Options from outside as statements, so that the schema checks them like all others. */
function givenItems(request: CheckOptions, loaded: LoadedConfiguration, findings: Findings): Item[] {
  const { nodename, servers, stateDir } = request;
  const statements = [
    nodename === undefined ? '' : `nodename = ${quoted(nodename)}`,
    servers === undefined ? '' : `servers = ( ${servers.map(quoted).join(' ')} )`,
    stateDir === undefined ? '' : `state_dir = ${quoted(stateDir)}`,
  ].filter((statement) => statement !== '');
  if (statements.length === 0) return [];
  const source = new Source('given options', `cluster { ${statements.join(' ')} }`, loaded.files.length);
  return parseSource(source, findings, { strict: false });
}
