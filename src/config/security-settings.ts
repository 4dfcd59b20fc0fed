/** `Security`: whom a process that is started as root becomes. */
import { parseCapabilities } from '../core/capability-names.ts';
import type { ProcessUserSettings } from '../core/settings.ts';
import { ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';

/** Options that say more about a user. */
export const ofUser = ['group', 'supplemental_groups', 'capabilities'] as const;

/** Undefined unless a user is stated: it stays who it is. */
export function processUserOf(root: Scope): ProcessUserSettings | undefined {
  const security = ScopeReader.ofTop(root, 'security');
  const user = security.text('user');
  if (user === undefined) return undefined;
  const capabilities = security.text('capabilities');
  const parsed = capabilities === undefined ? undefined : parseCapabilities(capabilities);
  return {
    user,
    group: security.text('group'),
    supplementalGroups: security.isSet('supplemental_groups')
      ? security.texts('supplemental_groups')
      : undefined,
    // The schema promises that the text can be read.
    capabilities: parsed && !('problem' in parsed) ? parsed : undefined,
  };
}
