/** `flotilla cidr`: questions to the files of series (replication 12), one from the command line or many from the input. */
import { createInterface } from 'node:readline';
import { parseCidrQuery } from '../core/series/cidr-query.ts';
import type { JournalFormat } from '../node/journal-forms.ts';
import { Journals } from '../node/journals.ts';
import { systemClock } from '../node/system-clock.ts';
import { usualDirectory } from './usual-directory.ts';

export interface CidrFlags {
  readonly directory?: string;
  readonly strict?: true;
  readonly json?: true;
}

/** The exit code: 1 when something was wrong and said so. */
export async function askJournals(question: string, { directory, strict, json }: CidrFlags): Promise<number> {
  // `flotilla cidr ... | head` ends the pipe early, which is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  const journals = new Journals(directory ?? usualDirectory(), systemClock);
  let exitCode = 0;
  const ask = async (text: string) => {
    const problem = await answer(journals, text, json ? 'json' : 'text');
    if (json) process.stdout.write('\n');
    if (problem === undefined || !strict) return;
    if (!json) process.stdout.write(`error: ${problem}\n`);
    exitCode = 1;
  };
  if (question !== '') await ask(question);
  else await askEach(ask);
  return exitCode;
}

/** Until the end of the input; a prompt is for a person only. */
async function askEach(ask: (text: string) => Promise<void>): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'cidr> ' });
  const { isTTY } = process.stdin;
  if (isTTY) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== '') await ask(line);
    if (isTTY) lines.prompt();
  }
}

/** What was wrong. */
async function answer(journals: Journals, text: string, format: JournalFormat): Promise<string | undefined> {
  const parsed = parseCidrQuery(text);
  if ('problem' in parsed) {
    if (format === 'json') process.stdout.write(JSON.stringify({ error: parsed.problem }));
    return parsed.problem;
  }
  const pieces = journals.ask(parsed.query, format);
  for (;;) {
    const { value, done } = await pieces.next();
    if (done) return value;
    if (value !== '' && !process.stdout.write(value))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}
