/** `config reload`: reads the configuration again and applies what a running node can follow (CONF-10). */
import { type Answer, status, usage } from '../answer.ts';
import type { NodeFacts, ReloadFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, escapeXml, textElement } from '../xml.ts';

const syntax = 'config reload [<file>]';

export function configCommands(facts: Pick<NodeFacts, 'reload'>): readonly Command[] {
  return [
    {
      words: 'config reload',
      usage: syntax,
      help: 'read the configuration again and apply it, wholly or not at all',
      impact: 'write',
      run: async (args) => (args.length > 1 ? usage(syntax) : answerOf(await facts.reload(args[0]))),
    },
  ];
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
