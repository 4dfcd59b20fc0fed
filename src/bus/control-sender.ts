/**
 * Commands of a manager to nodes, over the control group, and the parts of their answers (MGR-6 .. MGR-10): the other end of
 * control.ts. What the answers are worth is decided by who keeps them.
 *
 * Invariant: a command is published once, under an inbox that no other command ever has (INV-36); what arrives there and is
 * no part of an answer is dropped.
 */
import type { CommandTarget } from '../core/command-target.ts';
import type { Incarnation } from '../core/identity.ts';
import { managerHeader } from './control.ts';
import { type GroupNames, subjects } from './subjects.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

export interface AnswerPart {
  /** Of the command. */
  readonly command: string;
  readonly node: string;
  readonly privateName: string;
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** Of the last part. */
  readonly end: { readonly status: number; readonly beganMs: number; readonly endedMs: number } | undefined;
}

export interface ControlSenderOptions {
  readonly wire: Wire;
  readonly groups: GroupNames;
  readonly self: { readonly node: string; readonly incarnation: Incarnation };
  readonly receive: (part: AnswerPart) => void;
}

/** What headers need beside the line. */
const headerRoomBytes = 1024;

export class ControlSender {
  readonly #options: ControlSenderOptions;
  readonly #subscription: Subscription;

  constructor(options: ControlSenderOptions) {
    this.#options = options;
    const { wire, self } = options;
    this.#subscription = wire.subscribe(subjects.controlAnswers(self.incarnation, '*'), (message) =>
      this.#receive(message),
    );
  }

  get isUp(): boolean {
    return this.#options.wire.state === 'up';
  }

  /** Longest command that can be sent. */
  get mostBytes(): number {
    return this.#options.wire.maxPayloadBytes - headerRoomBytes;
  }

  /** False: the link is down, and nothing was sent. */
  send(command: string, to: CommandTarget, line: string): boolean {
    const { wire, groups, self } = this.#options;
    return wire.publish(subjectOf(to, groups), new TextEncoder().encode(line), {
      reply: subjects.controlAnswers(self.incarnation, command),
      headers: { [managerHeader]: self.node },
    });
  }

  close(): void {
    this.#subscription.unsubscribe();
  }

  #receive(message: WireMessage): void {
    const node = message.header('Flotilla-Node');
    const number = Number(message.header('Flotilla-Part'));
    const isLast = message.header('Flotilla-End') === 'true';
    const end = isLast ? endOf(message) : undefined;
    // Without a name it is the server that says that nobody listens.
    if (node === undefined || !Number.isSafeInteger(number) || (isLast && !end)) return;
    const { subject, data } = message;
    this.#options.receive({
      command: subject.slice(subject.lastIndexOf('.') + 1),
      node,
      privateName: message.header('Flotilla-Private-Name') ?? '',
      number,
      text: new TextDecoder().decode(data),
      end,
    });
  }
}

function subjectOf(to: CommandTarget, groups: GroupNames): string {
  if (to.kind === 'node') return subjects.controlNode(groups, to.node);
  return to.kind === 'all' ? subjects.control(groups) : subjects.controlSubcluster(groups, to.subcluster);
}

function endOf(message: WireMessage): AnswerPart['end'] {
  const status = Number(message.header('Flotilla-Status') ?? Number.NaN);
  const beganMs = Date.parse(message.header('Flotilla-Began') ?? '');
  const endedMs = Date.parse(message.header('Flotilla-Ended') ?? '');
  return [status, beganMs, endedMs].every(Number.isSafeInteger) ? { status, beganMs, endedMs } : undefined;
}
