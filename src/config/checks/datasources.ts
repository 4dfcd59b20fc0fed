/** Datasource: numbers that are in range for other options, and not for these (replication 14.9). */
import { type CheckContext, valueSpan } from './check.ts';

export function checkDatasources({ root, findings }: CheckContext): void {
  for (const datasource of root.children('datasource')) {
    const rows = datasource.get('max_rows');
    if (rows?.value === 0)
      findings.add('CFG-2103', valueSpan(rows), '0 is out of range: at least 1', { hint: '-1: all rows' });
  }
}
