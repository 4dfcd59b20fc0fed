/**
 * Applies another configuration to a running node (DVC-14 to DVC-17): as far as it can be applied without a restart, and
 * that wholly or not at all.
 *
 * Invariants: an error in the file, a machine that cannot do it, a service that does not start: each leaves the running
 * configuration as it is. What is the same in both is not touched.
 */
import type { CheckResult } from '../config/check.ts';
import { type PlainFinding, plainFinding, renderFindings } from '../config/report.ts';
import type { Scope } from '../config/scope-tree.ts';
import { FlotillaError, isFlotillaError } from '../core/errors.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { ClusterLife } from './cluster-life.ts';
import type { CheckedConfiguration } from './configuration.ts';
import type { Consoles } from './consoles.ts';
import type { Floating } from './floating.ts';
import type { Listeners } from './listeners.ts';
import type { Machine } from './machine.ts';
import { differences, reloaded } from './settings-change.ts';
import { floatingIpsOf, hostOfConsole, hostOfPeers, ipOf, splitByAddress } from './vip-listeners.ts';

/** What became of a configuration that was read again. */
export interface ReloadOutcome {
  /** False: it was refused as a whole, and the one before goes on. */
  readonly applied: boolean;
  /** As on a console: findings with their lines of source, and what follows from them. */
  readonly report: string;
  readonly findings: readonly PlainFinding[];
  /** What is different now: `DuraVIP 10.1.1.41 added`, `view_mature_time`. */
  readonly changes: readonly string[];
  /** What else is different in the files, and takes a restart. */
  readonly needRestart: readonly string[];
}

export interface ReloadParts {
  /** Its address on the cluster network. */
  readonly address: string;
  readonly machine: Machine;
  readonly listeners: Listeners;
  readonly consoles: Consoles;
  readonly floating: Floating;
  readonly life: ClusterLife;
}

export const refusal = 'Reconfigure failed.';

/** It is not a matter of the files. */
export function impossible(error: unknown): ReloadOutcome {
  const advice = isFlotillaError(error) ? ` ${error.advice}` : '';
  const reason = error instanceof Error ? error.message : String(error);
  return {
    applied: false,
    report: `${reason}.${advice}\n${refusal}\n`,
    findings: [],
    changes: [],
    needRestart: [],
  };
}

/** With what counts from now on. */
export interface Reload {
  readonly outcome: ReloadOutcome;
  readonly settings: NodeSettings;
  readonly groupOfBinding: ReadonlyMap<string, string>;
}

/** As far as a running node can follow. Rejects when nothing has changed. */
export async function applyConfiguration(
  result: CheckedConfiguration,
  running: NodeSettings,
  parts: ReloadParts,
): Promise<Reload> {
  const wanted = withLevel(result.settings, result.tree, running);
  const settings = await applySettings(running, wanted, parts);
  const changes = differences(running, settings);
  const needRestart = differences(settings, wanted);
  const report = renderFindings(result, { verdict: verdictOf(changes, needRestart) });
  const findings = result.findings.map(plainFinding);
  const outcome = { applied: true, report, findings, changes, needRestart };
  return { outcome, settings, groupOfBinding: wanted.caps.groupOfBinding };
}

/** There are errors in it. */
export function refused(result: CheckResult): ReloadOutcome {
  const report = renderFindings(result, { verdict: refusal });
  return {
    applied: false,
    report,
    findings: result.findings.map(plainFinding),
    changes: [],
    needRestart: [],
  };
}

/** A level that nobody states stays as it was set at the start. */
export function withLevel(settings: NodeSettings, tree: Scope, running: NodeSettings): NodeSettings {
  const isStated = tree.child('cluster', '')?.get('debug_level') !== undefined;
  return isStated ? settings : { ...settings, logLevel: running.logLevel };
}

async function applySettings(
  running: NodeSettings,
  wanted: NodeSettings,
  parts: ReloadParts,
): Promise<NodeSettings> {
  const next = reloaded(running, wanted);
  const { machine, listeners, consoles, floating, life } = parts;
  const { services } = floating;
  const graceMs = next.duravip.services.releaseGraceMs;
  const fixedConsoles = splitByAddress(next.control, hostOfConsole, floatingIpsOf(next.duravip.vips)).fixed;
  const back: (() => Promise<void>)[] = [];
  requireFreeAddresses(running, next, parts.address);
  await machine.prepare(next);
  try {
    const floatingListeners = listeners.floating(next, services.configured);
    back.push(await listeners.prepare(next, graceMs));
    back.push(await consoles.prepare(fixedConsoles));
    await services.reconfigure(next.duravip, floatingListeners);
  } catch (error) {
    listeners.floating(running, services.configured);
    for (const undo of back) await undo();
    floating.restart(services.unsettled);
    throw error;
  }
  // From here on nothing can be refused any more.
  await listeners.giveWay(next, graceMs);
  consoles.configure(fixedConsoles);
  machine.configure(next.duravip);
  life.configure(next);
  return next;
}

export function verdictOf(changes: readonly string[], needRestart: readonly string[]): string {
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  return [
    changes.length === 0 ? 'Reconfigured: nothing is different.' : 'Reconfigured:',
    ...indented(changes),
    ...(needRestart.length === 0 ? [] : ['Not applied, needs a restart:']),
    ...indented(needRestart),
  ].join('\n');
}

/** An address that something of this process is bound to for good cannot begin to float under it. */
function requireFreeAddresses(running: NodeSettings, next: NodeSettings, address: string): void {
  const ips = floatingIpsOf(next.duravip.vips);
  if (ips.has(address)) throw new FlotillaError('FLT-1102', `${address} would be a floating address`);
  const before = floatingIpsOf(running.duravip.vips);
  const hosts = [...running.control.map(hostOfConsole), ...running.peers.listen.map(hostOfPeers)];
  const ip = hosts.map(ipOf).find((each) => each !== undefined && ips.has(each) && !before.has(each));
  if (ip !== undefined)
    throw new FlotillaError(
      'FLT-1004',
      `a console or ECCluster_Listener is open on ${ip}, which would float`,
    );
}
