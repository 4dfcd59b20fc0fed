/**
 * Notices changes of the labels of floating addresses (API-2). Labels follow from what all nodes announce and from time
 * passing, so they are looked at each second, and only while a program wants to know.
 *
 * Invariant: no look holds up the event loop for longer than a slice of rows takes.
 */
import type { Member } from '../actors/member.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Label } from '../core/duravip/labels.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { VipRow } from '../core/duravip/vip-row.ts';
import { labelsIn } from '../core/duravip/vip-view.ts';

export interface LabelWatchPorts {
  readonly clock: Clock;
  readonly isWanted: () => boolean;
  /** Also of an address seen for the first time, and with no labels of one that is gone. */
  readonly changed: (ip: Ip, labels: readonly Label[]) => void;
}

const lookEveryMs = 1_000;
const slice = 256;

export class LabelWatch {
  readonly #ports: LabelWatchPorts;
  readonly #told = new Map<Ip, string>();
  #timer: Timer | undefined;

  constructor(ports: LabelWatchPorts) {
    this.#ports = ports;
  }

  /** A new life of the node begins. */
  follow(member: Member): void {
    this.stop();
    if (member.ownership) this.#lookLater(member);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #lookLater(member: Member): void {
    this.#timer = this.#ports.clock.after(lookEveryMs, () => {
      if (this.#ports.isWanted()) this.#look(member, member.ownership!.table.rows.ordered, 0);
      else this.#lookLater(member);
    });
  }

  #look(member: Member, rows: readonly VipRow[], start: number): void {
    const { clock } = this.#ports;
    const { table } = member.ownership!;
    for (const row of rows.slice(start, start + slice))
      this.#tell(row.ip, labelsIn(table, row, clock.nowMs()));
    if (start + slice < rows.length) {
      this.#timer = clock.after(0, () => this.#look(member, rows, start + slice));
      return;
    }
    if (this.#told.size > rows.length) this.#tellGone(new Set(rows.map(({ ip }) => ip)));
    this.#lookLater(member);
  }

  #tellGone(known: ReadonlySet<Ip>): void {
    for (const ip of this.#told.keys()) if (!known.has(ip)) this.#tell(ip, []);
  }

  #tell(ip: Ip, labels: readonly Label[]): void {
    const words = labels.join();
    if ((this.#told.get(ip) ?? '') === words) return;
    if (words === '') this.#told.delete(ip);
    else this.#told.set(ip, words);
    this.#ports.changed(ip, labels);
  }
}
