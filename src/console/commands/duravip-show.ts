/** `cluster duravip show`, its tables, and the hosts on the link (CMD-4, CMD-9, CMD-10). */
import type { ArpEntry } from '../../core/duravip/arp-table.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import { type Answer, failed, status, structured, usage } from '../answer.ts';
import type { DuravipFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { stateTable, stateTables, vipsJson } from '../vip-tables.ts';
import { vipLines, wholeSeconds } from '../vip-text.ts';
import { element, textElement } from '../xml.ts';
import { findVips, nodeNamed, withDuravip } from './duravip-arguments.ts';

const showSyntax = 'cluster duravip show [<ip>|<name>|<node>]';

export function duravipShowCommands(facts: NodeFacts): readonly Command[] {
  return [
    withDuravip(facts, {
      words: 'cluster duravip show',
      usage: showSyntax,
      help: 'floating addresses: of one address or binding, or those a node owns',
      impact: 'read',
      run: show,
    }),
    withDuravip(facts, {
      words: 'cluster duravip show tables',
      usage: 'cluster duravip show tables',
      help: 'the state tables of the floating addresses in XML',
      impact: 'read',
      run: (duravip, args) => (args.length === 0 ? tables(duravip) : usage('cluster duravip show tables')),
    }),
    withDuravip(facts, {
      words: 'cluster arp show',
      usage: 'cluster arp show',
      help: 'the hosts that the nodes have seen on the link: address, MAC and age',
      impact: 'read',
      run: (duravip, args) => (args.length === 0 ? hosts(duravip.hosts()) : usage('cluster arp show')),
    }),
  ];
}

function show(duravip: DuravipFacts, args: readonly string[]): Answer {
  const [typed, ...more] = args;
  if (more.length > 0) return usage(showSyntax);
  const chosen = typed === undefined ? undefined : choose(duravip, typed);
  if (typed !== undefined && !chosen) return failed(`No such VIP: ${typed}`);
  return {
    status: status.ok,
    text: () => vipLines(duravip.vips(chosen), duravip.self),
    xml: () => stateTable(duravip.vips(chosen)),
    json: () => vipsJson(duravip.vips(chosen)),
  };
}

function choose(duravip: DuravipFacts, typed: string): readonly Ip[] | undefined {
  const ips = findVips(duravip, typed);
  if (ips.length > 0) return ips;
  const node = nodeNamed(duravip, typed);
  return node && duravip.ownedBy(node.incarnation);
}

/** XML whatever form was asked for, except JSON. */
function tables(duravip: DuravipFacts): Answer {
  const xml = () => stateTables(() => duravip.vips());
  return {
    status: status.ok,
    *text() {
      yield* xml();
      yield '\n';
    },
    xml,
    json: () => vipsJson(duravip.vips()),
  };
}

/** `10.80.116.204    [00:e0:81:63:5c:e8]  43s` */
function hosts(entries: readonly ArpEntry[]): Answer {
  return structured({
    text: () =>
      entries.map(({ ip, mac, ageMs }) => `${ip.padEnd(16)} [${mac}]  ${wholeSeconds(ageMs)}s\n`).join(''),
    xml: () =>
      element(
        'ArpTable',
        entries.map(({ ip, mac, ageMs }) =>
          element('Host', [
            textElement('IP', ip),
            textElement('MAC', mac),
            textElement('Age', wholeSeconds(ageMs)),
          ]),
        ),
      ),
    json: () => ({
      hosts: entries.map(({ ip, mac, ageMs }) => ({ ip, mac, ageSeconds: wholeSeconds(ageMs) })),
    }),
  });
}
