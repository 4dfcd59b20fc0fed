/** What a node is told to do about its floating addresses: announce, give up, take again, tell more (CMD-11, 12, 15). */
import { type Answer, failed, said, usage } from '../answer.ts';
import type { DuravipFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { notConnected, withDuravip } from './duravip-arguments.ts';
import { duravipCheckCommand } from './duravip-check.ts';
import { duravipMoveCommands } from './duravip-move.ts';
import { duravipPlanCommands } from './duravip-plan.ts';
import { duravipShowCommands } from './duravip-show.ts';

const debugSyntax = 'cluster duravip debug {on|off}';
const releaseSyntax = 'cluster duravip release {all|binding_group <name>}';

export function duravipCommands(facts: NodeFacts): readonly Command[] {
  return [
    ...duravipShowCommands(facts),
    ...duravipMoveCommands(facts),
    ...duravipPlanCommands(facts),
    duravipCheckCommand(facts),
    withDuravip(facts, {
      words: 'cluster duravip announce view',
      usage: 'cluster duravip announce view',
      help: 'tell all nodes now what this one is configured to float',
      impact: 'write',
      run: announce,
    }),
    withDuravip(facts, {
      words: 'cluster duravip debug',
      usage: debugSyntax,
      help: 'log each change of ownership that this node sees',
      impact: 'write',
      run: debug,
    }),
    withDuravip(facts, {
      words: 'cluster duravip release',
      usage: releaseSyntax,
      help: 'give up the floating addresses of this node until `resume`',
      impact: 'write',
      run: release,
    }),
    withDuravip(facts, {
      words: 'cluster duravip resume',
      usage: 'cluster duravip resume',
      help: 'take floating addresses again after `release`',
      impact: 'write',
      run: resume,
    }),
  ];
}

function announce(duravip: DuravipFacts, args: readonly string[]): Answer {
  if (args.length > 0) return usage('cluster duravip announce view');
  return duravip.state === 'down' ? notConnected : said(`View announced (${duravip.announce()} VIPs).`);
}

function debug(duravip: DuravipFacts, args: readonly string[]): Answer {
  const wanted = args[0]?.toLowerCase();
  if (args.length > 1 || (wanted !== undefined && wanted !== 'on' && wanted !== 'off'))
    return usage(debugSyntax);
  if (wanted === undefined) return said(`DuraVIP debugging is ${duravip.debugging ? 'on' : 'off'}.`);
  duravip.debug(wanted === 'on');
  return said(`DuraVIP debugging is now ${wanted}.`);
}

function release(duravip: DuravipFacts, [kind, group, ...more]: readonly string[]): Answer {
  const what = kind?.toLowerCase();
  const isAll = what === 'all' && group === undefined;
  const isGroup = what === 'binding_group' && group !== undefined && more.length === 0;
  if (!isAll && !isGroup) return usage(releaseSyntax);
  const released = duravip.release(group);
  return released === undefined
    ? failed(`No such binding group: ${group}`)
    : said(`Released ${released} VIPs.`);
}

function resume(duravip: DuravipFacts, args: readonly string[]): Answer {
  if (args.length > 0) return usage('cluster duravip resume');
  return said(duravip.resume() ? 'Resumed: this node takes VIPs again.' : 'Nothing was released.');
}
