/**
 * Requests for statistics (API-13): every member is asked at once, whoever has something to say answers in private.
 *
 * Invariant: each question ends: when everybody who was asked has answered or is gone, and after its time in any case.
 */
import type { Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Incarnation } from '../core/identity.ts';
import { maxMessageBytes, type StatsAnswer, type StatsRequest } from '../core/multicast/messages.ts';
import { memberOf, type Process } from '../core/view.ts';
import type { Membership } from './membership.ts';
import type { ProgramChannel, World } from './ports.ts';

/** What the program of this process has to say. Undefined: nothing. */
export type StatsSource = (what: string, from: Process) => Promise<Uint8Array | undefined>;

interface Question {
  readonly waitingFor: Set<Incarnation>;
  readonly answers: Map<Process, Uint8Array>;
  readonly end: () => void;
}

type QuestionWorld = Pick<World, 'clock' | 'log' | 'self'> & { readonly programs: ProgramChannel };

const mostQuestions = 64;

export class Questions {
  readonly #world: QuestionWorld;
  readonly #membership: Membership;
  readonly #source: StatsSource;
  readonly #open = new Map<number, Question>();
  #lastId = 0;

  constructor(world: QuestionWorld, membership: Membership, source: StatsSource) {
    this.#world = world;
    this.#membership = membership;
    this.#source = source;
  }

  /** @throws FlotillaError FLT-1204, FLT-1305 */
  async ask(what: string, limitMs: number): Promise<ReadonlyMap<Process, Uint8Array>> {
    if (this.#open.size >= mostQuestions)
      throw new FlotillaError('FLT-1305', `${mostQuestions} requests for statistics are open`);
    const { clock, programs, self } = this.#world;
    const nodes = this.#membership.view.members.filter(({ type }) => type === 'Momentum');
    this.#lastId = (this.#lastId + 1) >>> 0;
    const id = this.#lastId;
    const answers = new Map<Process, Uint8Array>();
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const end = () => {
        timer?.cancel();
        this.#open.delete(id);
        resolve(answers);
      };
      const waitingFor = new Set(nodes.map(({ incarnation }) => incarnation));
      this.#open.set(id, { waitingFor, answers, end });
      timer = clock.after(limitMs, end);
      if (programs.broadcast({ kind: 'statsRequest', from: self.incarnation, id, what })) return;
      reject(new FlotillaError('FLT-1204', 'the link is down'));
      end();
    });
  }

  receive(message: StatsRequest | StatsAnswer): void {
    if (message.kind === 'statsAnswer') this.#answered(message);
    else void this.#answer(message);
  }

  /** Nobody waits for who is gone. */
  viewInstalled(): void {
    for (const question of this.#open.values()) {
      for (const member of question.waitingFor)
        if (!memberOf(this.#membership.view, member)) this.#strike(question, member);
    }
  }

  stop(): void {
    for (const { end } of this.#open.values()) end();
  }

  #answered({ id, from, payload }: StatsAnswer): void {
    const question = this.#open.get(id);
    const member = memberOf(this.#membership.view, from);
    if (!question?.waitingFor.has(from) || !member) return;
    if (payload) question.answers.set(member, payload);
    this.#strike(question, from);
  }

  #strike({ waitingFor, end }: Question, member: Incarnation): void {
    waitingFor.delete(member);
    if (waitingFor.size === 0) end();
  }

  async #answer({ from, id, what }: StatsRequest): Promise<void> {
    const { log, programs, self } = this.#world;
    const asker = memberOf(this.#membership.view, from);
    let payload: Uint8Array | undefined;
    try {
      payload = asker && (await this.#source(what, asker));
      if (payload && payload.length > maxMessageBytes)
        throw new RangeError(`${payload.length} bytes are more than ${maxMessageBytes}`);
    } catch (error) {
      log.error(`no statistics for '${what}': ${String(error)}`, { error });
      payload = undefined;
    }
    programs.send(from, { kind: 'statsAnswer', from: self.incarnation, id, payload });
  }
}
