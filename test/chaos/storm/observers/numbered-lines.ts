/**
 * Numbered lines in a journal of each node, written beside it as other programs do, and the files of the manager.
 *
 * Rule: each line that was acknowledged is in the file of its node exactly once, in order, and no line is twice. One that
 * was refused, as on a full disk, may be there or not.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openDiskFiles } from '../../../../src/journal/disk-files.ts';
import { type Journal, openJournal } from '../../../../src/journal/journal.ts';
import { systemClock, systemRandom } from '../../../../src/node/system-clock.ts';
import { numberedLog } from '../configuration.ts';

const everyMs = 50;
/** Segments come and go in a run of minutes. */
const unitLimit = 32 * 1024;
const filling = '.'.repeat(60);

/** What one node's journal was told. */
export interface Told {
  readonly acknowledged: ReadonlySet<number>;
  readonly attempted: number;
}

export class NumberedLines {
  readonly #node: string;
  readonly #path: string;
  readonly #acknowledged = new Set<number>();
  #attempted = 0;
  #isOver = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(node: string, spool: string) {
    this.#node = node;
    this.#path = join(spool, numberedLog);
  }

  /** Makes the journal; before its node starts. */
  static async make(node: string, spool: string): Promise<NumberedLines> {
    const lines = new NumberedLines(node, spool);
    await (await lines.#open('own')).close();
    return lines;
  }

  begin(): void {
    this.#writing = this.#write();
  }

  async end(): Promise<Told> {
    this.#isOver = true;
    await this.#writing;
    return this.told;
  }

  get told(): Told {
    return { acknowledged: this.#acknowledged, attempted: this.#attempted };
  }

  async #write(): Promise<void> {
    const journal = await this.#open('share');
    while (!this.#isOver) {
      const number = this.#attempted++;
      const line = `${this.#node} ${number} ${filling}\n`;
      await journal.append(Buffer.from(line)).then(
        () => this.#acknowledged.add(number),
        () => undefined,
      );
      await pause(everyMs);
    }
    await journal.close();
  }

  async #open(access: 'own' | 'share'): Promise<Journal> {
    const around = { files: await openDiskFiles(), clock: systemClock, random: systemRandom };
    const subscribers = access === 'own' ? ['master'] : [];
    return openJournal({ path: this.#path, access, subscribers, create: { unitLimit }, ...around });
  }
}

export function linesOf(file: string): string[] {
  const text = existsSync(file) ? readFileSync(file, 'latin1') : '';
  return text.split('\n').filter(Boolean);
}

/** Numbers of acknowledged lines that are not there. */
export function missing(node: string, { acknowledged }: Told, lines: readonly string[]): number[] {
  const there = new Set(lines.map((line) => numberOf(node, line)));
  return [...acknowledged].filter((number) => !there.has(number));
}

/** What is wrong with the lines that are there. */
export function wrongLines(node: string, { attempted }: Told, lines: readonly string[]): string[] {
  const seen = new Set<number>();
  let last = -1;
  return lines.flatMap((line) => {
    const number = numberOf(node, line);
    if (number === undefined || number >= attempted) return [`nobody wrote '${line}'`];
    if (seen.has(number)) return [`line ${number} of ${node} is there twice`];
    seen.add(number);
    const isLate = number < last;
    last = Math.max(last, number);
    return isLate ? [`line ${number} of ${node} stands behind line ${last}`] : [];
  });
}

/** Undefined: it is not a whole line of this node. */
function numberOf(node: string, line: string): number | undefined {
  const [name, number = '', rest] = line.split(' ');
  return name === node && rest === filling && /^\d+$/.test(number) ? Number(number) : undefined;
}
