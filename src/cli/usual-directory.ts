/** Where files of series are when nobody says it: of a manager, and of a node without one (replication 11.8). */
import { existsSync } from 'node:fs';

const managerDirectory = '/var/log/eccluster/aslogger';
const nodeDirectory = '/var/log/ecelerity/audit_series_logs';

export function usualDirectory(): string {
  return existsSync(managerDirectory) ? managerDirectory : nodeDirectory;
}
