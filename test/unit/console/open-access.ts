/** A console that lets everybody in, and what its door needs. */
import { Accounting, accountingLine } from '../../../src/console/access/accounting.ts';
import { Roles } from '../../../src/console/access/roles.ts';
import type { ControlAccessParts } from '../../../src/console/control-listener.ts';
import type { ControlAccess, ControlEndpoint, RoleSettings } from '../../../src/core/settings.ts';

export const openAccess: ControlAccess = {
  timeoutMs: 60_000,
  loginTimeoutMs: 60_000,
  authenticate: false,
  authorize: false,
  alwaysAllow: false,
  alwaysDeny: false,
  passwordFiles: [],
  groupsFile: undefined,
};

export function openEndpoint(
  endpoint: ControlEndpoint['endpoint'],
  access: Partial<ControlAccess> = {},
): ControlEndpoint {
  return {
    endpoint,
    fileMode: 0o600,
    backlog: 500,
    tls: undefined,
    access: { ...openAccess, ...access },
    peers: [],
  };
}

/** `records` are those of the accounting log, without their times. */
export function accessParts(
  roles: readonly RoleSettings[] = [],
  records: string[] = [],
): ControlAccessParts & { readonly roles: Roles } {
  return {
    roles: new Roles(roles),
    accounting: new Accounting((record) => records.push(accountingLine(record, 0).replace(/^0@/, ''))),
    peerUser: async () => 'tom',
    penaltyMs: 1,
  };
}
