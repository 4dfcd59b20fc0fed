/** What a node says about the cluster and its place in it (CMD-5 .. CMD-8, CMD-17). Texts are fixed byte for byte. */
import type { LinkName } from '../../core/identity.ts';
import { type Answer, said, structured, usage } from '../answer.ts';
import type { LinkFacts, MemberFacts, NodeFacts, ViewFacts } from '../facts.ts';
import type { Command, Registry } from '../registry.ts';
import { element, textElement } from '../xml.ts';
import { withoutArguments } from './arguments.ts';
import { help } from './general.ts';

export function clusterCommands(facts: NodeFacts, registry: Registry): readonly Command[] {
  return [
    withoutArguments('cluster help', 'list the cluster commands', 'read', () => help(registry, ['cluster'])),
    withoutArguments('cluster nodename', 'the name of this node', 'read', () =>
      named('Node_Name', 'nodeName', facts.nodename),
    ),
    withoutArguments('cluster nodeaddr', 'the cluster service address of this node', 'read', () =>
      named('Node_Address', 'nodeAddress', endpoint(facts.address, facts.port)),
    ),
    infoCommand('cluster info', facts, ['m', 's']),
    membershipCommand('cluster membership', facts),
    withoutArguments(
      'cluster reset',
      'leave the cluster and join it again as a new incarnation',
      'write',
      () => {
        facts.reset();
        return said('Resetting cluster membership.');
      },
    ),
  ];
}

/** A manager shows one connection: it has one private name (ID-19, MGR-14). */
export function managerInfoCommand(facts: InfoFacts): Command {
  return infoCommand('info', facts, ['m']);
}

type InfoFacts = Pick<NodeFacts, 'controlGroup' | 'clusterGroup' | 'logGroup' | 'link' | 'view'>;

function infoCommand(words: string, facts: InfoFacts, links: readonly LinkName[]): Command {
  return {
    words,
    usage: `${words} [-v]`,
    help: 'bus connections, groups and leader; -v adds the view',
    impact: 'read',
    run: (args) => info(facts, links, args, `${words} [-v]`),
  };
}

export function membershipCommand(words: string, facts: Pick<NodeFacts, 'members'>): Command {
  const help = 'every member with its name, type, version, address and groups';
  return withoutArguments(words, help, 'read', () => membership(facts.members()));
}

function named(xmlName: string, jsonName: string, value: string): Answer {
  return structured({
    text: () => `${value}\n`,
    xml: () => textElement(xmlName, value),
    json: () => ({ [jsonName]: value }),
  });
}

function info(facts: InfoFacts, names: readonly LinkName[], args: readonly string[], syntax: string): Answer {
  const verbose = args.length === 1 && args[0] === '-v';
  if (args.length > 0 && !verbose) return usage(syntax);
  const links = names.map((name) => ({ name, ...facts.link(name) }));
  const view = facts.view();
  return structured({
    text: () =>
      infoLines(facts, links, view, verbose)
        .map((line) => `${line}\n`)
        .join(''),
    xml: () => infoElement(facts, links, view),
    json: () => ({
      server: serverOf(links) ?? null,
      links: Object.fromEntries(links.map(({ name, privateName }) => [name, privateName ?? null])),
      controlGroup: facts.controlGroup,
      clusterGroup: facts.clusterGroup,
      leader: view.leader ?? null,
      logGroup: facts.logGroup ?? null,
      view: {
        epoch: view.epoch,
        coordinator: view.coordinator,
        nodeCount: view.nodeCount,
        state: view.state,
      },
    }),
  });
}

type Links = readonly (LinkFacts & { readonly name: LinkName })[];

function infoLines(facts: InfoFacts, links: Links, view: ViewFacts, verbose: boolean): string[] {
  const names = links.map(({ name, privateName }) => `${name}:${privateName ?? '-'}`);
  const lines = [
    `Daemon: ${serverOf(links) ?? '-'} [${names.join(',')}]`,
    `Control Group: ${facts.controlGroup}`,
    `Cluster Group: ${facts.clusterGroup} (${view.leader === undefined ? 'no leader' : `${view.leader} is leader`})`,
    `Logger Group: ${facts.logGroup ?? 'none'}`,
  ];
  if (verbose) lines.push(`View: ${view.epoch}@${view.coordinator} (${view.nodeCount} nodes, ${view.state})`);
  return lines;
}

const linkElements = { m: 'Membership_Name', s: 'Shared_Name' } as const;

function infoElement(facts: InfoFacts, links: Links, view: ViewFacts): string {
  return element('ClusterInfo', [
    textElement('Server', serverOf(links) ?? ''),
    ...links.map(({ name, privateName }) => textElement(linkElements[name], privateName ?? '')),
    textElement('Control_Group', facts.controlGroup),
    textElement('Cluster_Group', facts.clusterGroup),
    textElement('Leader', view.leader ?? ''),
    textElement('Logger_Group', facts.logGroup ?? ''),
    element('View', [
      textElement('Epoch', view.epoch),
      textElement('Coordinator', view.coordinator),
      textElement('Node_Count', view.nodeCount),
      textElement('State', view.state),
    ]),
  ]);
}

/** Both connections normally use one server; with one of them down the other still tells it. */
function serverOf(links: Links): string | undefined {
  return links.find(({ server }) => server !== undefined)?.server;
}

interface PrintedMember {
  readonly privateName: string;
  readonly nodeName: string;
  readonly subcluster: string;
  readonly nodeType: string;
  readonly version: string;
  readonly address: string;
  readonly groups: readonly string[];
}

/** With the placeholders for what is not known (MEM-2), so that listing never fails while a node joins (MEM-3). */
function printed(member: MemberFacts): PrintedMember {
  return {
    privateName: member.privateName,
    nodeName: member.node ?? '(Null)',
    subcluster: member.subcluster ?? '(Null)',
    nodeType: member.type,
    version: member.version ?? '(Null)',
    address: member.address === undefined ? '0.0.0.0:0' : endpoint(member.address, member.port ?? 0),
    groups: member.groups,
  };
}

function membership(facts: readonly MemberFacts[]): Answer {
  const members = facts.map(printed);
  return structured({
    text: () => members.map(memberBlock).join('\n'),
    xml: () => element('ClusterMembership', members.map(memberElement)),
    json: () => ({ members }),
  });
}

function memberBlock(member: PrintedMember): string {
  return `Private Name: ${member.privateName}
Node Name: ${member.nodeName}
Subcluster: ${member.subcluster}
Node Type: ${member.nodeType}
Version: ${member.version}
Address: ${member.address}
Groups: ${member.groups.join(', ')}
`;
}

function memberElement(member: PrintedMember): string {
  return element('Member', [
    textElement('Private_Name', member.privateName),
    textElement('Node_Name', member.nodeName),
    textElement('Subcluster', member.subcluster),
    textElement('Node_Type', member.nodeType),
    textElement('Version', member.version),
    textElement('Address', member.address),
    element(
      'Groups',
      member.groups.map((group) => textElement('Group', group)),
    ),
  ]);
}

function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
