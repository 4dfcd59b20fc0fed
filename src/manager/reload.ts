/**
 * Another configuration for a running manager (MGR-2, MGR-15): who may come to its console and do what counts at once,
 * everything else takes a restart and is named.
 */
import { plainFinding, renderFindings } from '../config/report.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { CheckedConfiguration } from '../node/configuration.ts';
import { type ReloadOutcome, verdictOf } from '../node/reload.ts';
import { differences, withSockets } from '../node/settings-change.ts';

export function followed(
  result: CheckedConfiguration,
  running: NodeSettings,
): { readonly outcome: ReloadOutcome; readonly settings: NodeSettings } {
  const { settings: wanted } = result;
  const settings = { ...running, roles: wanted.roles, control: withSockets(wanted.control, running.control) };
  const changes = differences(running, settings);
  // What is stated nowhere has been set by whoever started it: on a terminal the level differs.
  const needRestart = differences(settings, wanted).filter((name) => name !== 'debug_level');
  const report = renderFindings(result, { verdict: verdictOf(changes, needRestart) });
  const findings = result.findings.map(plainFinding);
  return { settings, outcome: { applied: true, report, findings, changes, needRestart } };
}
