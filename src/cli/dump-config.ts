/** `flotilla dump-config`: the configuration as XML or JSON, on standard output or in a file. */
import { writeFileSync } from 'node:fs';
import { checkConfiguration } from '../config/check.ts';
import { dumpedScope, dumpedXml } from '../config/dump.ts';
import { exitStatus, renderFindings } from '../config/report.ts';

export interface DumpFlags {
  readonly config: string;
  readonly output?: string;
  readonly json?: true;
  readonly withSecrets?: true;
}

/** The exit code, as of `check-config`. What is wrong goes to standard error. */
export function dumpConfiguration({ config, output, json, withSecrets }: DumpFlags): number {
  const result = checkConfiguration({ file: config, environment: process.env });
  const { tree } = result;
  if (!tree || !result.found) {
    process.stderr.write(renderFindings(result));
    return exitStatus(result);
  }
  const secrets = withSecrets ? 'written' : 'hidden';
  const text = json
    ? `${JSON.stringify(dumpedScope(tree, secrets), undefined, 2)}\n`
    : dumpedXml(tree, secrets);
  if (output === undefined) process.stdout.write(text);
  else writeFileSync(output, text, withSecrets ? { mode: 0o600 } : {});
  return 0;
}
