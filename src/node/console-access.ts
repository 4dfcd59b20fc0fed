/**
 * Who may come to the consoles of this process and do what, and where the records of it go (CON-36). Where no logger keeps
 * an account log the records are lines of the process's own log, at level info.
 */
import { Accounting, type AccountingSink, accountingLine } from '../console/access/accounting.ts';
import { controlGroupGate, type Gate } from '../console/access/gate.ts';
import { Roles } from '../console/access/roles.ts';
import type { ControlAccessParts } from '../console/control-listener.ts';
import type { AddressCounts } from '../core/present-sessions.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { Loggers } from '../logs/loggers.ts';
import { peerUserOf } from '../net/peer-user.ts';
import type { Surroundings } from './surroundings.ts';

export class ConsoleAccess implements ControlAccessParts {
  readonly roles: Roles;
  readonly accounting: Accounting;
  /** Of commands that come over NATS. */
  readonly controlGroup: Gate;
  readonly peerUser = peerUserOf;
  readonly present?: AddressCounts;
  /** Takes the records from now on. */
  sink: AccountingSink;

  constructor({ roles }: Pick<NodeSettings, 'roles'>, { clock, log }: Surroundings, present?: AddressCounts) {
    if (present) this.present = present;
    this.sink = (record) => log.info(`accounting: ${accountingLine(record, clock.wallMs())}`);
    this.roles = new Roles(roles);
    this.accounting = new Accounting((record) => this.sink(record));
    this.controlGroup = controlGroupGate(this);
  }

  /** Loggers that keep an account log have the records; without one they are lines of the process's own log. */
  takeAccounts(loggers: Pick<Loggers, 'keepsAccounts' | 'write'>): void {
    const toLog = this.sink;
    this.sink = (record) => {
      if (loggers.keepsAccounts) loggers.write({ kind: 'account', record });
      else toLog(record);
    };
  }
}
