/**
 * Floating addresses for programs: the state tables in XML (CMD-10), under the element names that monitoring scripts
 * look for, and the same facts in JSON. Written one address at a time.
 */
import type { ParticipantView, VipView } from '../core/duravip/vip-view.ts';
import { membershipName, sharedName } from '../core/view.ts';
import { followersOf, wholeSeconds } from './vip-text.ts';
import { element, textElement } from './xml.ts';

/** `vips` is walked twice: once by binding name, then by address. */
export function* stateTables(vips: () => Iterable<VipView>): Generator<string> {
  yield '<VIPStateTable><group_vips_by_name><VIPs>';
  for (const vip of vips()) for (const name of vip.names) yield vipElement(vip, [name]);
  yield '</VIPs></group_vips_by_name>';
  yield* byIp(vips());
  yield '</VIPStateTable>';
}

/** The table by address alone. */
export function* stateTable(vips: Iterable<VipView>): Generator<string> {
  yield '<VIPStateTable>';
  yield* byIp(vips);
  yield '</VIPStateTable>';
}

function* byIp(vips: Iterable<VipView>): Generator<string> {
  yield '<group_vips_by_ip><VIPs>';
  for (const vip of vips) yield vipElement(vip, vip.names);
  yield '</VIPs></group_vips_by_ip>';
}

function vipElement(vip: VipView, names: readonly string[]): string {
  return element('VIP', [
    ...names.map((name) => textElement('Name', name)),
    textElement('IP', vip.ip),
    textElement('Last_View_Change', wholeSeconds(vip.viewAgeMs)),
    textElement('State', vip.labels.join(',')),
    textElement('Owner', vip.owner?.node ?? ''),
    textElement('Last_Owner_Change', wholeSeconds(vip.ownerAgeMs)),
    textElement('Reason', vip.reason),
    textElement('Preference', vip.preferred ?? ''),
    element(
      'Followers',
      followersOf(vip).map(({ ip, kinds }) =>
        element('Follower', [textElement('IP', ip), kindsElement(kinds)]),
      ),
    ),
    element(
      'ViewsForParticipants',
      vip.participants.map((participant) => participantElement(vip, participant)),
    ),
  ]);
}

/** `Private_Name` of both connections, that of the membership first. */
function participantElement({ ip }: VipView, participant: ParticipantView): string {
  const { member, names, preference, services, words } = participant;
  return element('ParticipantView', [
    textElement('Private_Name', membershipName(member)),
    textElement('Private_Name', sharedName(member)),
    textElement('Node_Name', member.node),
    ...names.map((name) => textElement('Name', name)),
    textElement('IP', ip),
    textElement('State', participant.owner ? 'owned' : 'unowned'),
    kindsElement(words),
    element(
      'Listeners',
      services.map(({ kind, endpoint }) =>
        element('Listener', [textElement('Kind', kind), textElement('Endpoint', endpoint)]),
      ),
    ),
    textElement('Preference', preference.join(' ')),
    textElement('Flags', flagsOf(participant).join(',')),
  ]);
}

function kindsElement(kinds: readonly string[]): string {
  return element(
    'Services',
    kinds.map((kind) => textElement('Service', kind)),
  );
}

/** What keeps a participant from taking the address, or from letting go of it. */
function flagsOf({ capable, draining, stuck }: ParticipantView): readonly string[] {
  return [
    ...(capable ? ['capable'] : ['incapable']),
    ...(draining ? ['draining'] : []),
    ...(stuck ? ['stuck'] : []),
  ];
}

export function* vipsJson(vips: Iterable<VipView>): Generator<string> {
  yield '{"vips":[';
  let separator = '';
  for (const vip of vips) {
    yield separator + JSON.stringify(vipRecord(vip));
    separator = ',';
  }
  yield ']}';
}

function vipRecord(vip: VipView) {
  return {
    ip: vip.ip,
    names: vip.names,
    labels: vip.labels,
    owner: vip.owner?.node ?? null,
    reason: vip.reason,
    preferred: vip.preferred ?? null,
    viewStableSeconds: wholeSeconds(vip.viewAgeMs),
    configurationStableSeconds: wholeSeconds(vip.ownerAgeMs),
    participants: vip.participants.map(({ member, words, ...announced }) => ({
      node: member.node,
      privateName: membershipName(member),
      ...announced,
    })),
  };
}
