/**
 * The configuration of a node as its host program or command line names it: read at the start, and again for each
 * reload.
 *
 * Invariant: what was given beside the file (node name, servers, state directory) counts each time.
 */
import { type CheckResult, checkConfiguration } from '../config/check.ts';
import { renderFindings } from '../config/report.ts';
import { FlotillaError } from '../core/errors.ts';
import type { NodeSettings } from '../core/settings.ts';

/** One of the two is needed; of both, the text counts. */
export interface ConfigurationText {
  readonly configFile?: string;
  readonly configText?: string;
}

export interface ConfigurationSource extends ConfigurationText {
  readonly nodename?: string;
  readonly servers?: readonly string[];
  readonly stateDir?: string;
  /** Default: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Undefined: there is nothing to read. */
export function readConfiguration(source: ConfigurationSource): CheckResult | undefined {
  const { configFile, configText, nodename, servers, stateDir } = source;
  const request = { environment: source.environment ?? process.env, nodename, servers, stateDir };
  if (configText !== undefined) return checkConfiguration({ ...request, text: configText });
  return configFile === undefined ? undefined : checkConfiguration({ ...request, file: configFile });
}

/** @throws FlotillaError FLT-1002, FLT-1003 */
export function settingsFrom(source: ConfigurationSource): NodeSettings {
  const result = readConfiguration(source);
  if (!result) throw new FlotillaError('FLT-1003', 'neither configFile nor configText is given');
  if (!result.found) throw new FlotillaError('FLT-1003', String(source.configFile));
  if (!result.settings) throw new FlotillaError('FLT-1002', `\n${renderFindings(result)}`);
  return result.settings;
}
