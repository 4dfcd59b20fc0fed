/** Where console changes are written (CONF-6.4): CFG-2201. */
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type CheckContext, valueSpan } from './check.ts';

/** Relative ones lie beside the main file. */
export function changesPath(main: string | undefined, stated: string): string {
  return isAbsolute(stated) ? stated : join(dirname(main ?? '.'), stated);
}

export function checkChanges({ root, loaded, files, findings }: CheckContext): void {
  const setting = root.get('local_changes_file');
  const only = root.get('local_changes_only');
  if (setting?.value === '' && only?.value === true) {
    findings.add('CFG-2201', valueSpan(only), 'local_changes_only needs a local_changes_file');
  }
  if (setting === undefined || setting.value === '') return;
  const path = changesPath(loaded.main.path, String(setting.value));
  const place = valueSpan(setting);
  if (loaded.files.some((file) => file !== loaded.changes && file.path === resolve(path))) {
    const which = loaded.main.path === resolve(path) ? 'the main file' : 'an included file';
    findings.add('CFG-2201', place, `local_changes_file is ${which}`, { hint: 'name a file of its own' });
  } else if (!files.isWritable(files.facts(path).kind === 'none' ? dirname(path) : path)) {
    findings.add('CFG-2201', place, `local_changes_file '${path}' cannot be written`);
  }
}
