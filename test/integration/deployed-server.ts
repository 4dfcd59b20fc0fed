/** The servers of deploy/nats on free ports, with the name of each role as its password. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type NatsServer, startNatsServer } from './nats-server.ts';

export const roles = [
  'node',
  'manager',
  'operator',
  'editor',
  'program',
  'puller',
  'reader',
  'listener',
  'advisories',
] as const;
export type Role = (typeof roles)[number];

const deployed = join(import.meta.dirname, '../../deploy/nats');

export function deployedServer(binary: string): Promise<NatsServer> {
  const config = (folder: string) =>
    deployedText('nats-server.conf', folder).replace(/^server_name:.*$/m, '');
  return startNatsServer({ binary, config, environment: passwords() });
}

/** Without the port, and with the files of the server in `folder`. */
export function deployedText(file: string, folder: string): string {
  return readFileSync(join(deployed, file), 'utf8')
    .replace(/^listen:.*$/m, '')
    .replace('/var/lib/nats', folder)
    .replace('"permissions.conf"', beside(join(deployed, 'permissions.conf')));
}

/** The server looks for files of `include` beside its own configuration, also for absolute ones. */
function beside(path: string): string {
  return JSON.stringify(relative(join(tmpdir(), 'folder'), path));
}

export function passwords(): Record<string, string> {
  const variable = (role: Role) =>
    role === 'advisories' ? 'SYSTEM_PASSWORD' : `${role.toUpperCase()}_PASSWORD`;
  return Object.fromEntries(roles.map((role) => [variable(role), role]));
}
