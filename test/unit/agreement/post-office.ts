/**
 * A tiny world for agreements: residents write letters, the post office carries them at once and in order, and nothing
 * happens unless a test lets time pass. No randomness: a scenario is read like notes from a laboratory.
 */
import { Agreement, type AgreementOptions } from '../../../src/core/agreement/agreement.ts';
import type { Effect } from '../../../src/core/agreement/effects.ts';
import type { ViewMessage } from '../../../src/core/agreement/messages.ts';
import type { Incarnation, MemberType } from '../../../src/core/identity.ts';
import type { Process } from '../../../src/core/view.ts';

export const beatMs = 200;
export const timeoutMs = 1_000;

export const options: AgreementOptions = {
  beatIntervalMs: beatMs,
  failureTimeoutMs: timeoutMs,
  orderBacklog: 4,
  maxPeers: 16,
  tellsHeard: false,
};

export interface Letter {
  readonly from: string;
  readonly to: string;
  readonly message: ViewMessage;
}

export interface Resident {
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly agreement: Agreement;
  /** What happened to it, in words: views installed, ordered messages delivered, namesakes met. */
  readonly diary: string[];
  nextTickMs: number;
  state: 'awake' | 'frozen' | 'dead';
  /** Letters that wait for a frozen resident. */
  readonly mailbox: Letter[];
}

/** `a` in its second life is `a'`: another incarnation of the same node. */
export function incarnationOf(name: string): Incarnation {
  const digits = [...name].map((char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return digits.padEnd(32, '0') as Incarnation;
}

export function processOf(name: string, more: Partial<Process> = {}): Process {
  return {
    incarnation: incarnationOf(name),
    type: 'Momentum' as MemberType,
    node: name.replaceAll("'", ''),
    number: 1000,
    seniority: Number.POSITIVE_INFINITY,
    ...more,
  };
}

export class PostOffice {
  nowMs = 0;
  readonly #residents = new Map<string, Resident>();
  readonly #queue: Letter[] = [];
  readonly #cuts = new Set<string>();
  readonly #options: AgreementOptions;
  #intercept: (letter: Letter) => boolean = () => false;
  /** Letters that an interception took away, in the order written. */
  readonly taken: Letter[] = [];

  constructor(changes: Partial<AgreementOptions> = {}) {
    this.#options = { ...options, ...changes };
  }

  /** Residents move in one after another and tick 10 ms apart, so that no two things happen at the same instant. */
  open(name: string, more: Partial<Process> = {}): Resident {
    const resident: Resident = {
      name,
      incarnation: incarnationOf(name),
      agreement: new Agreement(processOf(name, more), this.#options, this.nowMs),
      diary: [],
      nextTickMs: this.nowMs + beatMs + this.#residents.size * 10,
      state: 'awake',
      mailbox: [],
    };
    this.#residents.set(name, resident);
    return resident;
  }

  /** Opens all of them, waits until they share a view, and gives them empty diaries. */
  static settled(names: string, changes: Partial<AgreementOptions> = {}): PostOffice {
    const office = new PostOffice(changes);
    for (const name of names.split(' ')) office.open(name);
    office.pass(3 * timeoutMs);
    if (!office.share(names)) throw new Error(`not settled: ${JSON.stringify(office.views())}`);
    for (const name of names.split(' ')) office.at(name).diary.length = 0;
    return office;
  }

  at(name: string): Resident {
    return this.#residents.get(name)!;
  }

  /** Lets time pass: residents tick when they are due, letters arrive in the same instant. */
  pass(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (let next = this.#nextDue(untilMs); next; next = this.#nextDue(untilMs)) {
      this.nowMs = Math.max(this.nowMs, next.nextTickMs);
      this.tick(next.name);
    }
    this.nowMs = untilMs;
  }

  tick(name: string): void {
    const resident = this.at(name);
    resident.nextTickMs = this.nowMs + beatMs;
    this.#carryOut(resident, resident.agreement.tick(this.nowMs));
    this.#drain();
  }

  // --- what may go wrong ---------------------------------------------------------------------------------------------

  /** Ends without a word. */
  kill(name: string): void {
    this.at(name).state = 'dead';
  }

  /** Ends with a goodbye. */
  leave(name: string): void {
    const goodbye: ViewMessage = { kind: 'goodbye', from: this.at(name).incarnation };
    this.#carryOut(this.at(name), [{ kind: 'broadcast', message: goodbye }]);
    this.kill(name);
    this.#drain();
  }

  /** Stopped by a signal: letters wait in the mailbox, ticks are missed. */
  freeze(name: string): void {
    this.at(name).state = 'frozen';
  }

  thaw(name: string, first: 'tick' | 'mail' = 'tick'): void {
    const resident = this.at(name);
    resident.state = 'awake';
    if (first === 'tick') this.tick(name);
    this.#queue.push(...resident.mailbox.splice(0));
    this.#drain();
    if (first === 'mail') this.tick(name);
  }

  /** From now on nothing of `from` reaches `to`; the other direction still works. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  cut(a: string, b: string): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /** Only residents of one side hear each other: `partition('a b', 'c')`. */
  partition(...sides: string[]): void {
    for (const side of sides) {
      for (const a of side.split(' ')) {
        for (const b of this.#residents.keys()) if (!side.split(' ').includes(b)) this.cut(a, b);
      }
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Takes away every letter for which `filter` is true, until `deliverNormally`. */
  intercept(filter: (letter: Letter) => boolean): void {
    this.#intercept = filter;
  }

  deliverNormally(): void {
    this.#intercept = () => false;
  }

  /** Hands over a letter now, for example one taken away before. */
  hand(letter: Letter): void {
    const resident = this.at(letter.to);
    this.#carryOut(resident, resident.agreement.receive(this.nowMs, letter.message));
    this.#drain();
  }

  /** The servers tell `to` that both connections of `ended` are closed. */
  reportClosed(to: string, ended: string): void {
    const resident = this.at(to);
    this.#carryOut(resident, resident.agreement.closed(this.nowMs, this.at(ended).incarnation));
    this.#drain();
  }

  suspect(by: string, member: string, suspected: boolean): void {
    const resident = this.at(by);
    this.#carryOut(resident, resident.agreement.suspect(this.nowMs, this.at(member).incarnation, suspected));
    this.#drain();
  }

  secede(name: string): void {
    const resident = this.at(name);
    this.#carryOut(resident, resident.agreement.secede(this.nowMs));
    this.#drain();
  }

  /** The leader sends an ordered message. False: not now, or not here. */
  order(name: string, text: string): boolean {
    const resident = this.at(name);
    const effects = resident.agreement.order(new TextEncoder().encode(text));
    this.#carryOut(resident, effects ?? []);
    this.#drain();
    return effects !== undefined;
  }

  // --- what can be seen -----------------------------------------------------------------------------------------------

  /** Everybody's members, in member order: `{ a: 'a b', b: 'a b' }`. */
  views(): Record<string, string> {
    const awake = [...this.#residents.values()].filter(({ state }) => state !== 'dead');
    return Object.fromEntries(
      awake.map(({ name, agreement }) => [name, this.namesIn(agreement.view.members)]),
    );
  }

  /** True when all members named share one view and nobody else is in it. */
  share(names: string): boolean {
    const residents = names.split(' ').map((name) => this.at(name).agreement);
    const ids = new Set(residents.map(({ view }) => JSON.stringify(view.id)));
    const sorted = this.namesIn(residents[0]!.view.members).split(' ').sort().join(' ');
    return (
      ids.size === 1 &&
      sorted === names.split(' ').sort().join(' ') &&
      residents.every(({ settled }) => settled)
    );
  }

  namesIn(members: readonly { readonly incarnation: Incarnation }[]): string {
    return members.map(({ incarnation }) => this.#nameOf(incarnation)).join(' ');
  }

  #nameOf(incarnation: Incarnation): string {
    return (
      [...this.#residents.values()].find((other) => other.incarnation === incarnation)?.name ?? incarnation
    );
  }

  #nextDue(untilMs: number): Resident | undefined {
    const due = [...this.#residents.values()].filter((r) => r.state === 'awake' && r.nextTickMs <= untilMs);
    return due.sort((a, b) => a.nextTickMs - b.nextTickMs)[0];
  }

  #carryOut(resident: Resident, effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'broadcast':
          for (const to of this.#residents.keys()) {
            if (to !== resident.name) this.#write({ from: resident.name, to, message: effect.message });
          }
          break;
        case 'send':
          this.#write({ from: resident.name, to: this.#nameOf(effect.to), message: effect.message });
          break;
        case 'install': {
          const members = this.namesIn(effect.view.members);
          const survivors = effect.survivors.map((incarnation) => this.#nameOf(incarnation)).sort();
          resident.diary.push(`view [${members}] ${effect.cause}, with ${survivors.join(' ')}`);
          break;
        }
        case 'deliver':
          resident.diary.push(`${effect.number} ${new TextDecoder().decode(effect.payload)}`);
          break;
        case 'namesake':
          resident.diary.push(`must end, ${this.#nameOf(effect.other.incarnation)} has the name`);
      }
    }
  }

  #write(letter: Letter): void {
    if (!this.#residents.has(letter.to) || this.#cuts.has(`${letter.from}>${letter.to}`)) return;
    if (this.#intercept(letter)) this.taken.push(letter);
    else this.#queue.push(letter);
  }

  #drain(): void {
    for (let letter = this.#queue.shift(); letter; letter = this.#queue.shift()) {
      const resident = this.at(letter.to);
      if (resident.state === 'frozen') resident.mailbox.push(letter);
      if (resident.state === 'awake' && senderOf(letter.message) !== resident.incarnation) {
        this.#carryOut(resident, resident.agreement.receive(this.nowMs, letter.message));
      }
    }
  }
}

export function senderOf(message: ViewMessage): Incarnation {
  return message.kind === 'beat' ? message.from.incarnation : message.from;
}

export const is =
  (kind: ViewMessage['kind'], between: { readonly from?: string; readonly to?: string } = {}) =>
  ({ from, to, message }: Letter): boolean =>
    message.kind === kind && (between.from ?? from) === from && (between.to ?? to) === to;
