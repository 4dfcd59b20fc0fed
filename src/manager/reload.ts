/**
 * Another configuration for a running manager (MGR-2): who may come to its console and do what counts at once, everything
 * else takes a restart and is named.
 *
 * Invariant: an error in the file changes nothing.
 */
import { checkConfiguration } from '../config/check.ts';
import { plainFinding, renderFindings } from '../config/report.ts';
import { FlotillaError } from '../core/errors.ts';
import type { NodeSettings } from '../core/settings.ts';
import { type ConfigurationSource, isChecked, requestOf } from '../node/configuration.ts';
import { type ReloadOutcome, refused, verdictOf } from '../node/reload.ts';
import { differences, withAccess } from '../node/settings-change.ts';

/** With what counts from now on, unless it was refused. */
export interface ManagerReload {
  readonly outcome: ReloadOutcome;
  readonly settings?: NodeSettings;
}

/** `source` is what it was started with; `configFile` is read instead, where it is given. Throws FLT-1003. */
export function reloadManager(
  source: ConfigurationSource,
  configFile: string | undefined,
  running: NodeSettings,
): ManagerReload {
  const { configText, ...rest } = source;
  const request = requestOf(configFile === undefined ? source : { ...rest, configFile });
  if (!request) throw new FlotillaError('FLT-1003', 'the manager was started without a file');
  const result = checkConfiguration(request);
  if (!result.found) throw new FlotillaError('FLT-1003', String(configFile ?? source.configFile));
  if (!isChecked(result)) return { outcome: refused(result) };
  const wanted = result.settings;
  const settings = { ...running, roles: wanted.roles, control: withAccess(running.control, wanted.control) };
  const changes = differences(running, settings);
  // What is stated nowhere has been set by whoever started it: on a terminal the level differs.
  const needRestart = differences(settings, wanted).filter((name) => name !== 'debug_level');
  const report = renderFindings(result, { verdict: verdictOf(changes, needRestart) });
  const findings = result.findings.map(plainFinding);
  return { settings, outcome: { applied: true, report, findings, changes, needRestart } };
}
