/**
 * What stands between a line and its command: decides whether whoever typed it may, and leaves the record (INV-34).
 * One for each session; one for all that comes over NATS; none for the program around the node, which may do everything.
 */
import type { Accounting, Place } from './accounting.ts';
import type { Identity, Roles } from './roles.ts';

export interface Gate {
  readonly identity: Identity;
  /** The roles that there are. */
  readonly roles: readonly string[];
  /** Asked once for each line that can be read: fixed words as they are registered, single blanks, no prefix. */
  admits(line: string): boolean;
}

export interface GateParts {
  readonly roles: Roles;
  readonly accounting: Accounting;
}

export const openGate: Gate = { identity: { user: '', groups: [] }, roles: [], admits: () => true };

/** What a session may: everything, by role, or everything without a question. */
export type Rule = 'by role' | 'everything' | 'undecided';

export function sessionGate(
  { roles, accounting }: GateParts,
  { identity, place, rule }: { readonly identity: Identity; readonly place: Place; readonly rule: Rule },
): Gate {
  return {
    identity,
    get roles() {
      return roles.names;
    },
    admits: (command) => {
      const role = rule === 'by role' ? roles.allowing(identity, command) : undefined;
      const isAllowed = rule !== 'by role' || role !== undefined;
      accounting.authorisation(
        place,
        { user: identity.user, command, role },
        rule === 'undecided' ? 'undecided' : isAllowed,
      );
      return isAllowed;
    },
  };
}

const clusterManager = 'cluster-manager';

/**
 * Commands that come over the control group (CON-35): who may publish there is a matter of the NATS server, which commands
 * then are allowed one of the role `cluster-manager`, where it is defined.
 */
export function controlGroupGate({ roles, accounting }: GateParts): Gate {
  const identity = { user: clusterManager, groups: [] };
  const place = { listener: 'nats', peer: '' };
  const gates = {
    byRole: sessionGate({ roles, accounting }, { identity, place, rule: 'by role' }),
    undecided: sessionGate({ roles, accounting }, { identity, place, rule: 'undecided' }),
  };
  return {
    identity,
    get roles() {
      return roles.names;
    },
    admits: (command) => (roles.has(clusterManager) ? gates.byRole : gates.undecided).admits(command),
  };
}
