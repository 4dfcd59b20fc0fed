/**
 * What is said on one connection to the console, whatever carries it: requests in, answers out (CON-7).
 *
 * Invariants: before a login that is needed nothing runs; each request is answered with exactly one end (INV-33).
 */

import type { Entrance } from './access/entrance.ts';
import type { Gate } from './access/gate.ts';
import { status } from './answer.ts';
import type { CommandRequest, LoginRequest, Malformed, Request, Response } from './frame.ts';
import type { Interpreter } from './interpreter.ts';

/** What a client shows before it asks for the password (CON-22). */
export const loginNeeded = 'Authorization required for console session';

export class Conversation {
  readonly #entrance: Entrance;
  readonly #interpreter: Interpreter;

  constructor(entrance: Entrance, interpreter: Interpreter) {
    this.#entrance = entrance;
    this.#interpreter = interpreter;
  }

  /** Commands are run. */
  get isOpen(): boolean {
    return this.#entrance.gate !== undefined;
  }

  /** There is nothing more to say after this answer. */
  get isOver(): boolean {
    return this.#entrance.refusal !== undefined;
  }

  /** The one before has to be at its end. Ends also when it is left early. */
  async *answer(request: Request | Malformed): AsyncGenerator<Response, void, void> {
    const { gate, refusal } = this.#entrance;
    const { id } = request;
    if ('problem' in request) {
      yield { id, out: `Syntax error: ${request.problem}\n` };
      yield { id, end: true, status: status.badSyntax };
    } else if (refusal !== undefined) {
      yield { id, out: `${refusal}\n` };
      yield { id, end: true, status: status.notAuthorised };
    } else if ('login' in request) yield* this.#login(request, gate);
    else if (gate) yield* this.#run(request, gate);
    else yield { id, end: true, status: status.notAuthorised, login: loginNeeded };
  }

  async *#login({ id, login }: LoginRequest, gate: Gate | undefined): AsyncGenerator<Response, void, void> {
    const isIn = gate !== undefined || (await this.#entrance.login(login.user, login.password));
    if (!isIn) yield { id, out: 'Login incorrect\n' };
    yield { id, end: true, status: isIn ? status.ok : status.notAuthorised };
  }

  async *#run({ id, cmd, format }: CommandRequest, gate: Gate): AsyncGenerator<Response, void, void> {
    const reply = this.#interpreter.run(cmd, format, gate);
    try {
      for (;;) {
        const next = await reply.next();
        if (next.done) return yield { id, end: true, status: next.value };
        yield { id, out: next.value };
      }
    } finally {
      // Lets a source of rows that nobody reads any more end.
      await reply.return(status.failed);
    }
  }
}
