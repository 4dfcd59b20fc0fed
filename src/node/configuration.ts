/**
 * The configuration of a node as its host program or command line names it: read at the start, and again for each
 * reload.
 *
 * Invariant: what was given beside the file (node name, servers, state directory) counts each time.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type CheckRequest, type CheckResult, checkConfiguration } from '../config/check.ts';
import { renderFindings } from '../config/report.ts';
import { type ClusterBoot, parseClusterBoot } from '../config/repository/cluster-boot.ts';
import { workingCopySearchPath } from '../config/search-path.ts';
import { FlotillaError } from '../core/errors.ts';
import type { NodeSettings } from '../core/settings.ts';
import { checkoutNow, loadedBefore, markLoaded } from './repository/loaded-checkout.ts';

/** One of the two is needed; of both, the text counts. */
export interface ConfigurationText {
  readonly configFile?: string;
  readonly configText?: string;
}

export interface ConfigurationSource extends ConfigurationText {
  readonly nodename?: string;
  readonly servers?: readonly string[];
  readonly clusterGroup?: string;
  readonly stateDir?: string;
  /**
   * A working copy of the configuration repository: files are looked for in it, and it is kept up to date while the node
   * runs.
   */
  readonly workingCopy?: string;
  /** Default: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** One without errors. */
export type CheckedConfiguration = CheckResult & Required<Pick<CheckResult, 'settings' | 'tree' | 'loaded'>>;

export function isChecked(result: CheckResult): result is CheckedConfiguration {
  return result.settings !== undefined;
}

/** Undefined: there is nothing to read. */
export function requestOf(source: ConfigurationSource): CheckRequest | undefined {
  const { configFile, configText, nodename, servers, clusterGroup, stateDir, workingCopy } = source;
  const etcDirectory = workingCopy === undefined ? undefined : dirname(resolve(workingCopy));
  const given = { nodename, servers, clusterGroup, stateDir };
  const request = { environment: environmentOf(source), ...given, etcDirectory };
  if (configText !== undefined) return { ...request, text: configText };
  return configFile === undefined ? undefined : { ...request, file: configFile };
}

/** @throws FlotillaError FLT-1002, FLT-1003 */
export function configurationFrom(source: ConfigurationSource): CheckedConfiguration {
  const request = requestOf(source);
  if (!request) throw new FlotillaError('FLT-1003', 'neither configFile nor configText is given');
  const result = checkConfiguration(request);
  if (!result.found) throw new FlotillaError('FLT-1003', String(source.configFile));
  if (!isChecked(result)) throw new FlotillaError('FLT-1002', `\n${renderFindings(result)}`);
  return result;
}

/** How a process is told what to be: a configuration read and checked already, or where to read it. */
export interface StartingSource extends ConfigurationSource {
  /** A configuration that has been read and checked already; `configFile` beside it is read by `reload`. */
  readonly settings?: NodeSettings;
  /** @internal What `settings` was made of. */
  readonly configuration?: CheckedConfiguration;
}

/**
 * What counts at the start; the files are read when no settings are given.
 * @throws FlotillaError FLT-1002, FLT-1003
 */
export function startingFrom<Options extends StartingSource>(options: Options): [NodeSettings, Options] {
  if (options.settings) return [options.settings, options];
  const configuration = configurationFrom(options);
  return [configuration.settings, { ...options, configuration }];
}

/** To be called before files are read; what it returns, when they held no error. */
export function loadingFrom({ workingCopy, configFile }: ConfigurationSource): () => void {
  if (workingCopy === undefined || configFile === undefined) return () => {};
  const checkout = checkoutNow(workingCopy);
  return () => markLoaded(workingCopy, configFile, checkout);
}

/** The checkout that was last read without an error, when the working copy is another one; undefined: there is none. */
export function readLastLoaded(
  source: ConfigurationSource,
): { readonly result: CheckedConfiguration; readonly directory: string } | undefined {
  const { workingCopy, configFile } = source;
  if (workingCopy === undefined || configFile === undefined) return undefined;
  const directory = loadedBefore(workingCopy, configFile);
  const request = directory === undefined ? undefined : requestOf({ ...source, workingCopy: directory });
  const result = request && checkConfiguration(request);
  return directory !== undefined && result && isChecked(result) ? { result, directory } : undefined;
}

/**
 * What `cluster.boot` beside a working copy says, as the start scripts of old exported it; what the environment itself says
 * counts more. Throws FLT-2316.
 */
export function environmentOf({
  workingCopy,
  environment = process.env,
}: Pick<ConfigurationSource, 'workingCopy' | 'environment'>): Readonly<Record<string, string | undefined>> {
  if (workingCopy === undefined) return environment;
  const boot = readClusterBoot(workingCopy);
  return {
    EC_CONF_SEARCH_PATH: workingCopySearchPath(workingCopy),
    ...(boot?.nodeName === undefined ? {} : { EC_NODE_NAME: boot.nodeName }),
    ...(boot === undefined ? {} : { EC_SUB_CLUSTER: boot.clusterName }),
    ...environment,
  };
}

/** Undefined: there is no such file. Throws FLT-2316. */
export function readClusterBoot(workingCopy: string): ClusterBoot | undefined {
  const file = clusterBootOf(workingCopy);
  return existsSync(file) ? parseClusterBoot(readFileSync(file, 'utf8'), file) : undefined;
}

export function clusterBootOf(workingCopy: string): string {
  return join(dirname(resolve(workingCopy)), 'cluster.boot');
}
