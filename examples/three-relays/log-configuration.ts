/**
 * Configuration files of the demonstration: those of the relays with journals for their logs, and that of a manager that
 * pulls them. Written into its folder, because that is where journals and files go, so that nothing of them stays.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What an aggregated file is called in the folder of the manager's. */
export const logNames = ['mainlog', 'rejectlog'] as const;

/** Returns its path. */
export function writeRelayConfiguration(folder: string, name: string): string {
  const journal = (log: string) => join(folder, name, `${log}.cluster`);
  return write(
    join(folder, `${name}.conf`),
    `include "${join(import.meta.dirname, `${name}.conf`)}"

ec_logger "ec_logger_cluster" {
${logNames.map((log) => `  ${log} = "cluster://${journal(log)}=>master"\n`).join('')}  paniclog = "null://"
  acctlog = "null://"
}

cluster {
  logs = [ ${logNames.map((log) => `${log} = "${journal(log)}"`).join('  ')} ]
}
`,
  );
}

/** Returns its path. */
export function writeManagerConfiguration(folder: string, name: string): string {
  return write(
    join(folder, `${name}.conf`),
    `include "${join(import.meta.dirname, 'common.conf')}"

cluster {
  nodename = "${name}"
  nodeaddr = 127.0.0.1
}

Control_Listener {
  Listen "${join(folder, `${name}.sock`)}" { }
}

Logs {
  logfile = "${join(folder, 'logs')}/%{l}/%{n}"
}
`,
  );
}

function write(path: string, text: string): string {
  writeFileSync(path, text);
  return path;
}
