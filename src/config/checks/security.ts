/** Security: what says more about a user, where none is named (CFG-2006). */
import { ofUser } from '../security-settings.ts';
import type { CheckContext } from './check.ts';

export function checkSecurity({ root, findings }: CheckContext): void {
  const security = root.child('security', '');
  if (security === undefined || security.get('user') !== undefined) return;
  for (const option of ofUser) {
    const setting = security.get(option);
    if (setting === undefined) continue;
    findings.add('CFG-2006', setting.nameSpan, `'${option}' has no effect without user`, {
      hint: 'name the user in Security { }',
      severity: 'warning',
    });
  }
}
