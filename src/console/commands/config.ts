/** The `config` commands (CONF-10, CMD-3). What they mean is a matter of the configuration; here are their words. */
import { type Answer, status, usage } from '../answer.ts';
import type { ConfigVerb, NodeFacts, ReloadFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, escapeXml, textElement } from '../xml.ts';

interface Verb {
  readonly syntax: string;
  readonly help: string;
  readonly impact: Command['impact'];
  /** Other words than `config` and the verb. */
  readonly words?: string;
}

const verbs: Readonly<Record<ConfigVerb, Verb>> = {
  get: {
    syntax: '[<scope> [<name>]]... <option>',
    help: 'the value of an option in exactly that scope',
    impact: 'read',
  },
  eval: {
    syntax: '[--explain] [<scope> [<name>]]... <option>',
    help: 'the value that counts there, and where it comes from',
    impact: 'read',
  },
  show: { syntax: '[<scope> [<name>]]... [<option>]', help: 'what is in a scope', impact: 'read' },
  showrecurse: {
    syntax: '[<scope> [<name>]]...',
    help: 'the same with the scopes in it, as a file could say it',
    impact: 'read',
  },
  locate: { syntax: '<scope> [<regex>]', help: 'where there are scopes of that kind', impact: 'read' },
  set: {
    syntax: '[<scope> [<name>]]... <option> [=] <value>',
    help: 'change an option of what runs; the files stay as they are',
    impact: 'write',
  },
  unset: {
    syntax: '[<scope> [<name>]]... [<option>]',
    help: 'take an option away, or all of a scope',
    impact: 'write',
  },
  begin: { syntax: '[from scratch]', help: 'open a transaction of this session', impact: 'write' },
  replay: { syntax: '', help: 'the changes of the open transaction, as commands', impact: 'read' },
  commit: { syntax: '', help: 'apply the open transaction, wholly or not at all', impact: 'write' },
  rollback: { syntax: '', help: 'drop the open transaction', impact: 'write' },
  writeback: {
    syntax: '[<file>]',
    help: 'write changes into the files they belong to, or everything into one file',
    impact: 'write',
  },
  write: {
    syntax: '[<file>]',
    help: 'the running configuration, here or in a file of the node',
    impact: 'write',
    words: 'write config',
  },
  history: { syntax: '[<count>]', help: 'the last generations of the configuration', impact: 'read' },
  diff: { syntax: '<generation> <generation>', help: 'what differs between two of them', impact: 'read' },
};

const reloadSyntax = 'config reload [<file>]';

export function configCommands({ configuration }: Pick<NodeFacts, 'configuration'>): readonly Command[] {
  const reload: Command = {
    words: 'config reload',
    usage: reloadSyntax,
    help: 'read the configuration again and apply it, wholly or not at all',
    impact: 'write',
    run: async (args, by) =>
      args.length > 1 ? usage(reloadSyntax) : answerOf(await configuration.reload(args[0], by)),
  };
  const others = (Object.entries(verbs) as [ConfigVerb, Verb][]).map(([verb, each]): Command => {
    const words = each.words ?? `config ${verb}`;
    const syntax = `${words} ${each.syntax}`.trimEnd();
    return {
      words,
      usage: syntax,
      help: each.help,
      impact: each.impact,
      run: async (args, by) => {
        const reply = await configuration.ask(verb, args, by);
        if (!reply) return usage(syntax);
        return { status: reply.isDone ? status.ok : status.failed, text: () => reply.text };
      },
    };
  });
  return [reload, ...others];
}

function answerOf(outcome: ReloadFacts): Answer {
  const { applied, report, findings, changes, needRestart } = outcome;
  return {
    status: applied ? status.ok : status.failed,
    text: () => report,
    xml: () =>
      element('Reload', [
        textElement('Applied', String(applied)),
        ...findings.map(findingElement),
        ...changes.map((change) => textElement('Change', change)),
        ...needRestart.map((name) => textElement('Need_Restart', name)),
        textElement('Report', report),
      ]),
    json: () => JSON.stringify({ applied, findings, changes, needRestart, report }),
  };
}

function findingElement({
  file,
  line,
  column,
  severity,
  code,
  message,
}: ReloadFacts['findings'][number]): string {
  const place = `file="${escapeXml(file)}" line="${line}" column="${column}"`;
  return `<Finding code="${code}" severity="${severity}" ${place}>${escapeXml(message)}</Finding>`;
}
