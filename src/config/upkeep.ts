/**
 * The configuration of `cidr_maintain`: a file of its own, in the same language, with these options outside of all scopes
 * (replication 11.8).
 */
import type { JournalUpkeep } from '../core/series/journal-upkeep.ts';
import type { CheckResult } from './check.ts';
import { type ConfigurationFiles, diskFiles } from './files.ts';
import { Findings } from './finding.ts';
import { loadConfiguration } from './load.ts';
import { ScopeReader } from './reader.ts';
import { anonymous, bool, int, listOf, path, text } from './schema/option.ts';
import type { Scope } from './scope-tree.ts';
import { buildScopeTree } from './validate.ts';

/** What `condense` says when nothing is compressed. */
const never = -1;

const schema = anonymous('global', {
  text: 'Which files of series are kept, and how.',
  options: [
    { name: 'auto', type: bool, default: 'true', text: 'All series that there are files of.' },
    { name: 'series', type: listOf(text), text: 'With `auto = false`, those.' },
    { name: 'retention', type: int(1), default: '30', text: 'Days before today; older files are deleted.' },
    {
      name: 'condense',
      type: int(never),
      default: '0',
      text: 'Days before today; older files are compressed. -1: none.',
    },
    { name: 'basedir', type: path, text: 'Directory of the files.' },
  ],
});

export interface UpkeepCheck {
  /** For printing. */
  readonly result: CheckResult;
  /** When there is no error. */
  readonly upkeep?: JournalUpkeep & { readonly directory: string | undefined };
}

export function checkUpkeep(file: string, files: ConfigurationFiles = diskFiles): UpkeepCheck {
  const findings = new Findings();
  const loaded = loadConfiguration({ path: file }, { files, searchPath: [], findings, strict: false });
  if (loaded === undefined) return { result: { found: false, findings: [], counts: findings.counts } };
  const root = findings.hasErrors ? undefined : buildScopeTree(loaded, [], findings, schema);
  if (root) checkSeries(root, findings);
  const result = { found: true, findings: findings.list(), counts: findings.counts };
  return root && !findings.hasErrors ? { result, upkeep: upkeepOf(root) } : { result };
}

function checkSeries(root: Scope, findings: Findings): void {
  const isAuto = new ScopeReader(schema, root).flag('auto');
  const series = root.get('series');
  if (isAuto && series)
    findings.add('CFG-2006', series.nameSpan, 'series has no effect with auto = true', {
      severity: 'warning',
    });
  else if (!isAuto && !series)
    findings.add('CFG-2006', root.get('auto')!.nameSpan, 'nothing is done with auto = false and no series', {
      severity: 'warning',
    });
}

function upkeepOf(root: Scope): NonNullable<UpkeepCheck['upkeep']> {
  const reader = new ScopeReader(schema, root);
  const condense = reader.number('condense');
  return {
    series: reader.flag('auto') ? undefined : reader.texts('series'),
    retentionDays: reader.number('retention'),
    plainDays: condense === never ? undefined : condense,
    directory: reader.text('basedir'),
  };
}
