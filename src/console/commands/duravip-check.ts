/** `cluster duravip check`: what is wrong with floating addresses, as far as this node can tell (CMD-16, DVC-12). */
import { setImmediate } from 'node:timers/promises';
import type { Label } from '../../core/duravip/labels.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import type { ParticipantView, VipView } from '../../core/duravip/vip-view.ts';
import { type Answer, structured, usage } from '../answer.ts';
import type { DuravipFacts, DuravipProblem, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, textElement } from '../xml.ts';
import { lackText, withDuravip } from './duravip-arguments.ts';

const syntax = 'cluster duravip check';

export function duravipCheckCommand(facts: NodeFacts): Command {
  return withDuravip(facts, {
    words: syntax,
    usage: syntax,
    help: 'what is wrong with floating addresses, machine or options',
    impact: 'read',
    run: (duravip, args) => (args.length === 0 ? check(duravip) : usage(syntax)),
  });
}

interface Finding {
  readonly ip: Ip | undefined;
  readonly kind: 'quorum' | DuravipProblem['kind'] | Label;
  readonly text: string;
}

async function check(duravip: DuravipFacts): Promise<Answer> {
  const findings = [
    ...quorumFindings(duravip),
    ...(await duravip.problems()),
    ...(await labelFindings(duravip)),
  ];
  return structured({
    text: () =>
      findings.length === 0
        ? 'No problems found.\n'
        : findings.map(({ ip, text }) => (ip === undefined ? `${text}\n` : `${ip}: ${text}\n`)).join(''),
    xml: () =>
      element(
        'DuraVIPCheck',
        findings.map(({ ip, kind, text }) =>
          element('Finding', [
            ...(ip === undefined ? [] : [textElement('IP', ip)]),
            textElement('Kind', kind),
            textElement('Text', text),
          ]),
        ),
      ),
    json: () => ({ findings: findings.map(({ ip = null, kind, text }) => ({ ip, kind, text })) }),
  });
}

/** The cause of all the unowned addresses below. */
function quorumFindings(duravip: DuravipFacts): readonly Finding[] {
  const lack = duravip.lackOfQuorum();
  return lack
    ? [{ ip: undefined, kind: 'quorum', text: `${lackText(lack)}, so nothing is served here` }]
    : [];
}

/** Addresses looked at in one turn. */
const turnLength = 256;

async function labelFindings(duravip: DuravipFacts): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let looked = 0;
  for (const vip of duravip.vips()) {
    findings.push(...findingsOf(vip));
    if (++looked % turnLength === 0) await setImmediate();
  }
  return findings;
}

function findingsOf(vip: VipView): readonly Finding[] {
  return vip.labels.flatMap((label) => {
    const text = explained(label, vip);
    return text === undefined ? [] : [{ ip: vip.ip, kind: label, text }];
  });
}

/** Undefined: as it should be, or passing by itself. */
function explained(label: Label, vip: VipView): string | undefined {
  switch (label) {
    case 'owned':
    case 'safe':
    case 'immature':
      return undefined;
    case 'unowned':
      return 'unowned';
    case 'unsafe':
      return `unsafe: services differ: ${opinions(vip, ({ words }) => words.join(','))}`;
    case 'broken':
      return `broken: ${opinions(vip, ({ names }) => names.join(','))}${nameElsewhere(vip)}`;
    case 'conflict':
      return `conflict: preferences differ: ${opinions(vip, ({ preference }) => preference.join(','))}`;
    case 'held':
      return `held: moved to ${vip.owner?.node ?? '-'} by hand; release-hold lets it move again`;
    case 'stuck':
      return `stuck: could not be taken off at ${stuckNodes(vip)}`;
  }
}

/** Names that are the same everywhere break an address only when one of them is on another one, too (STA-12). */
function nameElsewhere({ participants, names }: VipView): string {
  const named = participants.filter((participant) => participant.names.length > 0);
  const differ = named.some((participant) => participant.names.length !== names.length);
  return differ ? '' : '; one of these names is also on another address';
}

/** `relay-1, relay-3 say multivip,esmtp; relay-2 says multivip` */
function opinions({ participants }: VipView, said: (participant: ParticipantView) => string): string {
  const nodes = new Map<string, string[]>();
  for (const participant of participants) {
    const text = said(participant) || 'nothing';
    nodes.set(text, [...(nodes.get(text) ?? []), participant.member.node]);
  }
  return [...nodes]
    .map(([text, names]) => `${names.join(', ')} ${names.length === 1 ? 'says' : 'say'} ${text}`)
    .join('; ');
}

function stuckNodes({ participants }: VipView): string {
  return participants
    .filter(({ stuck }) => stuck)
    .map(({ member }) => member.node)
    .join(', ');
}
