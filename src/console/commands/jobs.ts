/** Point-to-point transfers under way: listed, and ended by hand (CMD-18). */
import { type Answer, failed, said, structured, usage } from '../answer.ts';
import type { JobFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, textElement } from '../xml.ts';
import { withoutArguments } from './arguments.ts';

const abortSyntax = 'cluster abort <id>';

export function jobCommands(facts: NodeFacts): readonly Command[] {
  return [
    withoutArguments('cluster jobs', 'transfers under way: id, kind, peer, age and bytes', 'read', () =>
      jobs(facts.jobs()),
    ),
    {
      words: 'cluster abort',
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
          ({ id, kind, peer, ageMs, bytes }) =>
            `${id.padEnd(16)}  ${kind.padEnd(8)}  ${peer.padEnd(16)}  ${Math.floor(ageMs / 1000)}s  ${bytes} bytes\n`,
        )
        .join(''),
    xml: () =>
      element(
        'Jobs',
        all.map(({ id, kind, peer, ageMs, bytes }) =>
          element('Job', [
            textElement('Id', id),
            textElement('Kind', kind),
            textElement('Peer', peer),
            textElement('Age', Math.floor(ageMs / 1000)),
            textElement('Bytes', bytes),
          ]),
        ),
      ),
    json: () => ({ jobs: all }),
  });
}
