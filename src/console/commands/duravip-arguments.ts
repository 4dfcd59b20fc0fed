/** What operators type for floating addresses and nodes, and answers when there is nothing to ask about. */
import { formatAddress, parseAddress } from '../../core/address.ts';
import type { QuorumLack } from '../../core/duravip/quorum.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import type { Process } from '../../core/view.ts';
import { type Answer, failed } from '../answer.ts';
import type { DuravipFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';

export interface DuravipCommand extends Omit<Command, 'run'> {
  run(duravip: DuravipFacts, args: readonly string[]): Answer | Promise<Answer>;
}

/** A node that floats no addresses says so, whatever it is asked about them. */
export function withDuravip(facts: NodeFacts, command: DuravipCommand): Command {
  return {
    ...command,
    run: (args) => {
      const duravip = facts.duravip();
      return 'absence' in duravip ? failed(duravip.absence) : command.run(duravip, args);
    },
  };
}

/** An address in any spelling, or a binding name, which in a broken configuration may stand for several. */
export function findVips(duravip: DuravipFacts, typed: string): readonly Ip[] {
  const address = parseAddress(typed);
  if (address === undefined) return duravip.named(typed);
  const ip = formatAddress(address);
  return duravip.vip(ip) ? [ip] : [];
}

/** Exactly as the bus knows it (OWN-29); of two processes of one name the first in member order. */
export function nodeNamed(duravip: DuravipFacts, typed: string): Process | undefined {
  return duravip.members.find(({ node }) => node === typed);
}

/** Why nothing can be decided now; undefined: it can. */
export function unsettled(duravip: DuravipFacts): Answer | undefined {
  const { state } = duravip;
  if (state === 'down') return notConnected;
  if (state === 'gathering') return failed('View is changing, try again.');
  const lack = duravip.lackOfQuorum();
  return lack && failed(`There is ${lackText(lack)}.`);
}

/** `no quorum: 1 of at least 2 nodes` */
export function lackText({ present, needed }: QuorumLack): string {
  return `no quorum: ${present} of at least ${needed} nodes`;
}

export const notConnected = failed('Not connected to the cluster.');
