/** What the agreement wants done, as plain data: it sends nothing and calls nobody. */
import type { Incarnation } from '../identity.ts';
import type { Process, View, ViewCause } from '../view.ts';
import type { ViewMessage } from './messages.ts';

export type Effect =
  | { readonly kind: 'broadcast'; readonly message: ViewMessage }
  | { readonly kind: 'send'; readonly to: Incarnation; readonly message: ViewMessage }
  | {
      readonly kind: 'install';
      readonly view: View;
      readonly cause: ViewCause;
      /** Members that come from the same previous view as this process (BUS-10). */
      readonly survivors: readonly Incarnation[];
    }
  | { readonly kind: 'deliver'; readonly view: View; readonly number: number; readonly payload: Uint8Array }
  /** An ordered message changed nothing here (MEM-8): `view`: of a view that is not ours; `sender`: not from the leader. */
  | { readonly kind: 'rejected'; readonly from: Incarnation; readonly because: 'view' | 'sender' }
  /** Another live process has our name and is earlier in member order: this one must end (ID-20). */
  | { readonly kind: 'namesake'; readonly other: Process };
