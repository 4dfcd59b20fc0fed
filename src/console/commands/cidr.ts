/**
 * Questions to the journals of series (replication 12), in the words and with the lines of the original; what is wrong is
 * said here, where the original prints nothing.
 */
import { type CidrQuery, parseCidrQuery } from '../../core/series/cidr-query.ts';
import { type Answer, status } from '../answer.ts';
import type { NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';

const clauses =
  '[from <date> to <date> | on <date> | since <date>] [cidrsize <n> [to <m>]] [order by cidr|count] ' +
  '[aggregate [daily]] [limit <n>] [threshold <n>] [live]';

export function cidrCommands({ journals }: Pick<NodeFacts, 'journals'>): readonly Command[] {
  const command = (query: string, syntax: string, help: string): Command => ({
    words: `cidr ${query}`,
    usage: `cidr ${query}${syntax}`,
    help,
    impact: 'read',
    run: (args) => {
      const parsed = parseCidrQuery([query, ...args].join(' '));
      return 'query' in parsed
        ? {
            status: status.ok,
            text: () => withProblem(journals, parsed.query),
            json: () => journals.ask(parsed.query, 'json'),
          }
        : failure(parsed.problem, `cidr ${query}${syntax}`);
    },
  });
  return [
    command('show available', '', 'the series that were written to files, with their first and last file'),
    command(
      'show count',
      ` for <ip/mask> in <series>[,...]|union(<series>,...) ${clauses}`,
      'what the files say of a netblock',
    ),
    command('cache details', '', 'the files that answers were made of'),
  ];
}

function failure(problem: string, usage: string): Answer {
  return { status: status.failed, text: () => `error: ${problem}\nusage: ${usage}\n` };
}

async function* withProblem(journals: NodeFacts['journals'], query: CidrQuery): AsyncGenerator<string> {
  const problem = yield* journals.ask(query);
  if (problem !== undefined) yield `error: ${problem}\n`;
}
