/** Replicate stanzas (replication 3.3 to 3.10): CFG-2304 and CFG-2305. */
import { replicaTypes } from '../../core/settings.ts';
import type { Scope } from '../scope-tree.ts';
import { didYouMean } from '../suggest.ts';
import { type CheckContext, effectiveType, valueSpan } from './check.ts';

export function checkReplicate(context: CheckContext): void {
  for (const replicate of context.root.child('cluster', '')?.children('replicate') ?? []) {
    const type = effectiveType(replicate);
    if (checkType(replicate, type, context)) checkOptions(replicate, type, context);
  }
}

function checkType(replicate: Scope, type: string, { root, findings }: CheckContext): boolean {
  const stated = replicate.get('type');
  const registered = replicate.get('class');
  if (stated !== undefined && registered !== undefined && stated.value !== registered.value) {
    const message = `Replicate '${replicate.instance}' has type '${stated.value}' and class '${registered.value}'`;
    findings.add('CFG-2304', valueSpan(registered), message, { hint: 'leave one of them out' });
  }
  if (!replicaTypes.some((known) => known === type)) {
    const message = `'${type}' is not a replication type, and Replicate '${replicate.instance}' states neither type nor class`;
    findings.add('CFG-2304', replicate.span, message, {
      hint: didYouMean(type, replicaTypes) ?? `types are ${replicaTypes.join(', ')}`,
    });
    return false;
  }
  if (type === 'cache' && root.child('datasource', replicate.instance) === undefined) {
    const message = `the cache '${replicate.instance}' needs a Datasource of the same name`;
    findings.add('CFG-2305', replicate.span, message, {
      hint: `write Datasource "${replicate.instance}" { }`,
    });
  }
  return true;
}

const eventWords = [
  'connect',
  'delivery',
  'transfail',
  'permfail',
  'reception',
  'rejection',
  'audit_series',
  'gauge_cache',
];

/** The words of `parameters` that mean something for a type (replication 3.7). */
function wordsFor(type: string): readonly string[] {
  if (type === 'cache') return ['snapshot'];
  return type === 'metrics' || type === 'eccmgr_metrics' ? ['snapshot', ...eventWords] : [];
}

function checkOptions(replicate: Scope, type: string, { root, findings }: CheckContext): void {
  const size = replicate.get('max_size');
  if (size !== undefined && type !== 'cache') {
    findings.add(
      'CFG-2304',
      size.nameSpan,
      `max_size is for caches only, and '${replicate.instance}' is ${type}`,
    );
  }
  if (size?.value === 0)
    findings.add('CFG-2304', valueSpan(size), 'max_size 0 leaves no room', { hint: '-1: any number' });
  const group = replicate.get('binding_group');
  if (group !== undefined && type !== 'outbound_cidr' && type !== 'outbound_domains') {
    const message = `binding_group is for outbound_cidr and outbound_domains only, and '${replicate.instance}' is ${type}`;
    findings.add('CFG-2304', group.nameSpan, message);
  } else if (group !== undefined && group.value !== 'default') {
    const groups = root.children('binding_group').map((scope) => scope.instance);
    if (!groups.includes(String(group.value))) {
      const hint = didYouMean(String(group.value), groups);
      findings.add('CFG-2304', valueSpan(group), `there is no binding group '${group.value}'`, { hint });
    }
  }
  checkParameters(replicate, type, findings);
}

function checkParameters(replicate: Scope, type: string, findings: CheckContext['findings']): void {
  const parameters = replicate.get('parameters');
  const words = Array.isArray(parameters?.value) ? parameters.value.map(String) : [];
  const idle = words.filter((word) => !wordsFor(type).includes(word));
  if (parameters !== undefined && idle.length > 0) {
    const message = `${idle.map((word) => `'${word}'`).join(', ')} means nothing for ${type}`;
    findings.add('CFG-2304', valueSpan(parameters), message, { severity: 'warning' });
  }
  if (words.length === 0 && type.endsWith('metrics')) {
    const message = `'${replicate.instance}' replicates nothing without parameters`;
    findings.add('CFG-2304', replicate.span, message, {
      hint: 'name metrics, as parameters = "connect;reception"',
      severity: 'warning',
    });
  }
}
