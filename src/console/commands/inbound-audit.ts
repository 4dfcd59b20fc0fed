/** What inbound traffic did over time, and named series (replication 10), in the words of the original. */
import { isFlotillaError } from '../../core/errors.ts';
import { checkWindows, parseKey, prefixOf } from '../../core/series/audit-argument.ts';
import type { Series } from '../../core/series/audit-series.ts';
import { type Answer, status } from '../answer.ts';
import type { CountFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';

/** Byte for byte as the original prints it, "The the" included (10.2). */
const helpText = `show ip <ip[/mask]>
    Display verbose statistics for the specified ip or cidr block
delete_ip <ip> <series> <parameters>
    Delete an IP from a defined named series
count_cidr <ip[/mask]> <series> <parameters> <period_start> <period_end>
    Count a CIDR in a named series
add <series> <parameters> <ip> <increment>
    Add a value to a CIDR in a named series
subtract <series> <parameters> <ip> <decrement>
    Subtract a value from a CIDR in a named series
show all
    Display verbose statistics for all domains as a CSV list
load <series> <filename>
    Load a series from a file.  The the filename can be omitted if
    the file has the same name as the series
`;

type Run = (counts: CountFacts, args: readonly string[]) => Answer['text'] | Promise<Answer['text']>;

export function inboundAuditCommands(facts: NodeFacts): readonly Command[] {
  const command = (
    syntax: string,
    help: string,
    impact: Command['impact'],
    [fewest, most]: readonly [number, number],
    run: Run,
  ): Command => {
    const words = syntax.replace(/ [<[].*$/, '');
    return {
      words: `inbound_audit ${words}`,
      usage: `inbound_audit ${syntax}`,
      help,
      impact,
      anyInstance: true,
      run: async (args) => {
        const failure = (problem: string): Answer => ({
          status: status.failed,
          text: () => `error: ${problem}\nusage: inbound_audit ${syntax}\n`,
        });
        const counts = facts.counts();
        if (!counts) return failure('the node has not started');
        if (args.length < fewest || args.length > most) return failure('wrong number of arguments');
        try {
          return { status: status.ok, text: await run(counts, args) };
        } catch (error) {
          if (isFlotillaError(error)) return failure(error.message);
          throw error;
        }
      },
    };
  };
  return [
    command('help', 'the commands about inbound traffic over time', 'read', [0, 0], () => () => helpText),
    command(
      'show ip <ip[/mask]>',
      'connections, receptions and rejections of a netblock',
      'read',
      [1, 1],
      showIp,
    ),
    command('show all', 'the same of all addresses, as CSV', 'read', [0, 0], (counts) => () => counts.all()),
    command(
      'delete_ip <ip> <series> <parameters>',
      'delete a key from a named series',
      'write',
      [3, 3],
      deleteIp,
    ),
    command(
      'count_cidr <ip[/mask]> <series> <parameters> <period_start> <period_end>',
      'the sum of a netblock in a named series',
      'read',
      [5, 5],
      countCidr,
    ),
    command(
      'add <series> <parameters> <ip> <increment>',
      'add to a named series',
      'write',
      [4, 4],
      (counts, args) => change(counts, args, 1),
    ),
    command(
      'subtract <series> <parameters> <ip> <decrement>',
      'subtract from a named series',
      'write',
      [4, 4],
      (counts, args) => change(counts, args, -1),
    ),
    command('load <series> [<filename>]', 'add a file to a named series', 'write', [1, 2], load),
  ];
}

const nothing = () => '';

function showIp(counts: CountFacts, [ip]: readonly string[]): Answer['text'] {
  const prefix = prefixOf('ip', ip, undefined);
  return () => counts.show(prefix);
}

function deleteIp({ series }: CountFacts, [key, name, monitor]: readonly string[]): Answer['text'] {
  const found = series.of(name!, monitor!);
  found.table.remove(found.id, parseKey(found.keyType, key));
  return nothing;
}

function countCidr({ series }: CountFacts, args: readonly string[]): Answer['text'] {
  const [key, name, monitor, from, to] = args as readonly [string, string, string, string, string];
  const { id, keyType, monitor: window, table } = series.of(name, monitor);
  const [start, end] = [Number(from), Number(to)];
  checkWindows(window, start, end, ['period_start', 'period_end']);
  const query = keyType === 'text' ? parseKey(keyType, key) : prefixOf('ip', key, undefined);
  const sum = table.sum(id, window.sizeS, start, end, query);
  return () => `${sum}\n`;
}

function change({ series }: CountFacts, args: readonly string[], sign: 1 | -1): Answer['text'] {
  const [name, monitor, key, by] = args as readonly [string, string, string, string];
  const found: Series = series.of(name, monitor);
  series.addKey(found, parseKey(found.keyType, key), sign * (by === '' ? Number.NaN : Number(by)));
  return nothing;
}

async function load(counts: CountFacts, [name, file]: readonly string[]): Promise<Answer['text']> {
  const entries = await counts.load(name!, file ?? name!);
  return () => `loaded ${entries} entries into ${name}\n`;
}
