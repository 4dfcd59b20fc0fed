/** Point-to-point transfers under way: listed, and ended by hand (CMD-18). */
import { type Answer, failed, said, structured, usage } from '../answer.ts';
import type { JobFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, textElement } from '../xml.ts';
import { withoutArguments } from './arguments.ts';

type Jobs = Pick<NodeFacts, 'jobs' | 'abortJob'>;

export const jobCommands = (facts: Jobs): readonly Command[] =>
  commandsOf(facts, 'cluster jobs', 'cluster abort');

/** Managers have none of the `cluster` commands (CMD-21). */
export const managerJobCommands = (facts: Jobs): readonly Command[] =>
  commandsOf(facts, 'show jobs', 'abort job');

function commandsOf(facts: Jobs, showWords: string, abortWords: string): readonly Command[] {
  const abortSyntax = `${abortWords} <id>`;
  const help = 'transfers under way: id, kind, peer, age, bytes and how far they are';
  return [
    withoutArguments(showWords, help, 'read', () => jobs(facts.jobs())),
    {
      words: abortWords,
      usage: abortSyntax,
      help: 'end the transfer of this id',
      impact: 'write',
      run: ([id, ...more]) => {
        if (id === undefined || more.length > 0) return usage(abortSyntax);
        return facts.abortJob(id) ? said(`Aborted ${id}.`) : failed(`No such job: ${id}`);
      },
    },
  ];
}

/** `ECMMOVE-00017     move      relay-2           12s  48213 bytes` */
function jobs(all: readonly JobFacts[]): Answer {
  return structured({
    text: () =>
      all
        .map(
          ({ id, kind, peer, ageMs, bytes, progress }) =>
            `${id.padEnd(16)}  ${kind.padEnd(8)}  ${peer.padEnd(16)}  ${Math.floor(ageMs / 1000)}s  ${bytes} bytes${progress === undefined ? '' : `  ${progress}`}\n`,
        )
        .join(''),
    xml: () =>
      element(
        'Jobs',
        all.map(({ id, kind, peer, ageMs, bytes, progress }) =>
          element('Job', [
            textElement('Id', id),
            textElement('Kind', kind),
            textElement('Peer', peer),
            textElement('Age', Math.floor(ageMs / 1000)),
            textElement('Bytes', bytes),
            ...(progress === undefined ? [] : [textElement('Progress', progress)]),
          ]),
        ),
      ),
    json: () => ({ jobs: all }),
  });
}
