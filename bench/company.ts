/** The parent's side of many members of a cluster that share a process (company-program.ts). */
import { TaskProcess } from './task-process.ts';

export interface CompanyOptions {
  /** Of the NATS server. */
  readonly url: string;
  /** Stanza `cluster` of each. */
  readonly configText: string;
  /** The first is relay-N, and so on. */
  readonly first: number;
  readonly count: number;
}

export interface CompanyTasks {
  /** Of the smallest view that one of them has. */
  members: { readonly given: undefined; readonly answer: number };
}

export class Company extends TaskProcess<CompanyTasks> {
  constructor({ url, configText, first, count }: CompanyOptions) {
    super('company-program', [url, configText, String(first), String(count)]);
  }
}
