/**
 * How one connection comes in: by the user of the system behind a Unix socket, by a client certificate, by a password, or
 * not at all (CON-24 to CON-29).
 *
 * Invariants: nothing but `gate` leads to commands, and it exists only when the way in was open or the login was right; each
 * outcome leaves one record.
 */
import { setTimeout } from 'node:timers/promises';
import { FlotillaError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { ControlAccess } from '../../core/settings.ts';
import type { Place } from './accounting.ts';
import { type Gate, type GateParts, sessionGate } from './gate.ts';
import { groupsOf, isPassword } from './user-files.ts';

/** Whom a client certificate names, and what is wrong with it. */
export interface Certificate {
  readonly user: string;
  readonly problem: string | undefined;
}

export interface Arrival {
  readonly place: Place;
  readonly access: ControlAccess;
  /** Of a Unix socket. */
  readonly systemUser: string | undefined;
  readonly certificate: Certificate | undefined;
  /** Nobody on the way can read along: TLS, or this host. */
  readonly isPrivate: boolean;
}

export interface EntranceParts extends GateParts {
  readonly log: Log;
  /** After a wrong password, before the answer; default 1 s. */
  readonly penaltyMs?: number;
}

const mostAttempts = 3;
const usualPenaltyMs = 1000;
/** Longer ones are nobody's. */
const longestUser = 256;
const longestPassword = 1024;

export class Entrance {
  readonly #arrival: Arrival;
  readonly #parts: EntranceParts;
  #attempts = 0;
  #gate: Gate | undefined;
  #refusal: string | undefined;

  private constructor(arrival: Arrival, parts: EntranceParts) {
    this.#arrival = arrival;
    this.#parts = parts;
  }

  static async of(arrival: Arrival, parts: EntranceParts): Promise<Entrance> {
    const entrance = new Entrance(arrival, parts);
    await entrance.#arrive();
    return entrance;
  }

  /** Undefined as long as a login is needed, and for ever when there is no way in. */
  get gate(): Gate | undefined {
    return this.#gate;
  }

  /** Why there is no way in, or none any more. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** One after the other. */
  async login(user: string, password: string): Promise<boolean> {
    const { place } = this.#arrival;
    const { penaltyMs = usualPenaltyMs } = this.#parts;
    if (this.#gate || this.#refusal !== undefined) return false;
    const isRight = await this.#isRight(user, password);
    // Too late by now: that has its record.
    if (this.#refusal !== undefined) return false;
    this.#parts.accounting.authentication(place, user.slice(0, longestUser), isRight);
    if (isRight) await this.#open(user);
    else {
      if (penaltyMs > 0) await setTimeout(penaltyMs);
      if (++this.#attempts >= mostAttempts) this.#refusal = 'Too many attempts';
    }
    return isRight;
  }

  /** The time for a login is over. */
  late(): void {
    if (this.#gate || this.#refusal !== undefined) return;
    this.#refusal = 'The login took too long';
    this.#parts.accounting.authentication(this.#arrival.place, '', 'timeout');
  }

  async #arrive(): Promise<void> {
    const { access, systemUser, certificate, isPrivate } = this.#arrival;
    const user = systemUser ?? certificate?.user;
    if (access.alwaysDeny) this.#refuse('Access denied');
    else if (!isPrivate)
      this.#refuse('Clients of other hosts need TLS, and this endpoint has no certificate');
    else if (certificate?.problem !== undefined)
      this.#refuse(`The client certificate is not valid: ${certificate.problem}`);
    else if (user !== undefined) {
      this.#parts.accounting.authentication(this.#arrival.place, user, true);
      await this.#open(user);
    } else if (access.alwaysAllow || !access.authenticate) await this.#open('');
    else if (access.passwordFiles.length === 0) this.#refuse('A client certificate is needed');
  }

  #refuse(reason: string): void {
    const { place, systemUser, certificate } = this.#arrival;
    this.#refusal = reason;
    this.#parts.accounting.authentication(place, systemUser ?? certificate?.user ?? '', false);
  }

  async #open(user: string): Promise<void> {
    const { place, access } = this.#arrival;
    const rule = access.alwaysAllow ? 'everything' : access.authorize ? 'by role' : 'undecided';
    const identity = { user, groups: await this.#groups(user) };
    this.#gate = sessionGate(this.#parts, { identity, place, rule });
  }

  async #isRight(user: string, password: string): Promise<boolean> {
    if (user === '' || user.length > longestUser || password.length > longestPassword) return false;
    return (
      (await this.#unlessUnusable(isPassword(this.#arrival.access.passwordFiles, user, password))) ?? false
    );
  }

  async #groups(user: string): Promise<readonly string[]> {
    const { groupsFile } = this.#arrival.access;
    if (groupsFile === undefined) return [];
    return (await this.#unlessUnusable(groupsOf(user, groupsFile))) ?? [];
  }

  /** A file that cannot be used lets nobody in, and is a matter for whoever runs the node, not for who stands outside. */
  async #unlessUnusable<Outcome>(outcome: Promise<Outcome>): Promise<Outcome | undefined> {
    try {
      return await outcome;
    } catch (error) {
      const known = error instanceof FlotillaError ? ` ${error.advice}` : '';
      this.#parts.log.error(`a console login failed: ${(error as Error).message}.${known}`);
      return undefined;
    }
  }
}
