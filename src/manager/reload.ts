/**
 * Another configuration for a running manager (MGR-2, MGR-15): what it can follow counts at once, everything else takes a
 * restart and is named. What only nodes do is neither: a file may be that of both.
 *
 * Invariant: whatever of the wanted settings concerns a manager and is not taken over is named, also what nobody thought of here.
 */
import { plainFinding, renderFindings } from '../config/report.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { CheckedConfiguration } from '../node/configuration.ts';
import { type ReloadOutcome, verdictOf, withLevel } from '../node/reload.ts';
import { differences, loggingOf, replicateOf, withSockets } from '../node/settings-change.ts';

export function followed(
  result: CheckedConfiguration,
  running: NodeSettings,
): { readonly outcome: ReloadOutcome; readonly settings: NodeSettings } {
  const wanted = ofManager(withLevel(result.settings, result.tree, running), running);
  const settings = managed(running, wanted);
  const changes = differences(running, settings);
  const needRestart = differences(settings, wanted);
  const report = renderFindings(result, { verdict: verdictOf(changes, needRestart) });
  const findings = result.findings.map(plainFinding);
  return { settings, outcome: { applied: true, report, findings, changes, needRestart } };
}

/** `running` with as much of `wanted` as takes effect without a restart. */
export function managed(running: NodeSettings, wanted: NodeSettings): NodeSettings {
  return {
    ...running,
    roles: wanted.roles,
    control: withSockets(wanted.control, running.control),
    logGroup: wanted.logGroup,
    logLevel: wanted.logLevel,
    logging: loggingOf(running.logging, wanted.logging),
    logIntervals: wanted.logIntervals,
    aggregation: wanted.aggregation,
    asLogger: asLoggerOf(running.asLogger, wanted.asLogger),
    controlCache: { ...wanted.controlCache, path: running.controlCache.path },
    replicate: replicateOf(running.replicate, wanted.replicate),
  };
}

/** What counts for a manager; the rest as if it were the same. */
export function ofManager(wanted: NodeSettings, running: NodeSettings): NodeSettings {
  const { nodeaddr, clusterPort, duravip, caps, throttles, inboundThrottles, partition, maxNamedThrottles } =
    running;
  const { datasources, listeners, controlClientTimeoutMs, peers, api, redis, logs } = running;
  const limits = { caps, throttles, inboundThrottles, partition, maxNamedThrottles };
  const services = { datasources, listeners, controlClientTimeoutMs, peers, api, redis, logs };
  return { ...wanted, nodeaddr, clusterPort, duravip, ...limits, ...services };
}

/** Its directory holds what has been received. */
function asLoggerOf(
  running: NodeSettings['asLogger'],
  wanted: NodeSettings['asLogger'],
): NodeSettings['asLogger'] {
  return running && wanted ? { ...wanted, baseDir: running.baseDir } : running;
}
