/**
 * Asks other nodes what they use of their throttles, for whoever looks at them: uses are not replicated, since nobody
 * needs them for a decision.
 *
 * A survey ends when all have answered or its owner ends it; what came by then is the answer.
 */
import type { Incarnation } from '../identity.ts';
import type { Work } from '../replica/work.ts';
import type { QuotaObject } from './account-desk.ts';
import type { SurveyMessage, ThrottleUse, Uses } from './messages.ts';

export interface SurveyPorts {
  send(to: Incarnation, message: SurveyMessage): boolean;
  /** Of this node. Undefined: time for a turn. */
  uses(): Iterable<ThrottleUse | undefined>;
  /** A step in each turn of the event loop. */
  run(work: Work): void;
}

interface Survey {
  /** Parts that have come, by those whose answer is not whole. */
  readonly missing: Map<Incarnation, Set<number>>;
  readonly uses: ThrottleUse[];
  readonly done: (uses: readonly ThrottleUse[]) => void;
}

/** Items in a message: some 40 KiB. */
const partItems = 500;
/** Beyond it somebody looks in a loop. */
const maxSurveys = 100;
const maxAnswers = 16;

export class UseSurvey {
  readonly #header: QuotaObject & { readonly from: Incarnation };
  readonly #ports: SurveyPorts;
  readonly #surveys = new Map<number, Survey>();
  #requests = 0;
  /** Under way. */
  #answers = 0;

  constructor(object: QuotaObject, self: Incarnation, ports: SurveyPorts) {
    this.#header = { ...object, from: self };
    this.#ports = ports;
  }

  /** `done` is called once; returns how to end it with what has come. */
  begin(members: readonly Incarnation[], done: (uses: readonly ThrottleUse[]) => void): () => void {
    const request = ++this.#requests;
    const reached = members.filter((to) =>
      this.#ports.send(to, { kind: 'uses-ask', ...this.#header, request }),
    );
    if (reached.length === 0 || this.#surveys.size >= maxSurveys) {
      done([]);
      return () => {};
    }
    this.#surveys.set(request, { missing: new Map(reached.map((to) => [to, new Set()])), uses: [], done });
    return () => this.#end(request);
  }

  receive(message: SurveyMessage): void {
    if (message.kind === 'uses') this.#take(message);
    else if (this.#answers < maxAnswers) this.#ports.run(this.#answer(message.from, message.request));
  }

  *#answer(to: Incarnation, request: number): Work {
    this.#answers++;
    const uses: ThrottleUse[] = [];
    for (const use of this.#ports.uses()) if (!use || uses.push(use) % partItems === 0) yield;
    const parts = Math.max(1, Math.ceil(uses.length / partItems));
    for (let part = 0; part < parts; part++) {
      if (part > 0) yield;
      const items = uses.slice(part * partItems, (part + 1) * partItems);
      this.#ports.send(to, { kind: 'uses', ...this.#header, request, part, parts, items });
    }
    this.#answers--;
  }

  #take({ from, request, part, parts, items }: Uses): void {
    const survey = this.#surveys.get(request);
    const received = survey?.missing.get(from);
    if (!survey || !received || received.has(part)) return;
    received.add(part);
    survey.uses.push(...items);
    if (received.size < parts) return;
    survey.missing.delete(from);
    if (survey.missing.size === 0) this.#end(request);
  }

  #end(request: number): void {
    const survey = this.#surveys.get(request);
    this.#surveys.delete(request);
    survey?.done(survey.uses);
  }
}
