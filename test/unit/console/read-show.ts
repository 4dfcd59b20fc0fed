/** Reads the answers of `cluster duravip show` back, as a script would: the other half of INV-37. */

export interface ShownVip {
  ip: string;
  names: string[];
  labels: string[];
  viewSeconds: number;
  ownerSeconds: number;
  owner: string | undefined;
  followers: string[];
  participants: { node: string; services: string[] }[];
}

export function readShow(text: string): ShownVip[] {
  const [title, ...lines] = text.split('\n');
  if (title !== 'DuraVIP State:' || lines.pop() !== '') throw new Error('not an answer of show');
  const vips: ShownVip[] = [];
  for (const line of lines) {
    const last = vips.at(-1);
    if (/^[0-9a-f]/.test(line)) vips.push(readHead(line));
    else if (!last || !readAge(last, line)) throw new Error(`unreadable: ${line}`);
  }
  return vips;
}

function readHead(line: string): ShownVip {
  const ip = /^[0-9a-f.:]+?(?=\/|: \()/.exec(line)![0];
  const { words: names, rest } = readWords(line.slice(ip.length), '/');
  const labels = /^: \(([a-z,]+)\)/.exec(rest)![1]!.split(',');
  return {
    ip,
    names,
    labels,
    viewSeconds: -1,
    ownerSeconds: -1,
    owner: undefined,
    followers: [],
    participants: [],
  };
}

function readAge(vip: ShownVip, line: string): boolean {
  const age = /^\t\[(view|configuration) stable for (\d+) seconds\]$/.exec(line);
  const follower = /^\t-> (\S+)/.exec(line);
  const participant = /^( {4}| \* {2})\t(\S+)(.*)$/s.exec(line);
  if (age) vip[age[1] === 'view' ? 'viewSeconds' : 'ownerSeconds'] = Number(age[2]);
  else if (follower) vip.followers.push(follower[1]!);
  else if (participant) {
    const [, mark, node, services] = participant;
    if (mark === ' *  ') vip.owner = node!;
    vip.participants.push({ node: node!, services: readWords(services!.replace(/^ /, ','), ',').words });
  }
  return Boolean(age ?? follower ?? participant);
}

/** Words that each stand behind a separator, in quotes where they have to be. */
function readWords(text: string, separator: string): { words: string[]; rest: string } {
  const words: string[] = [];
  let rest = text;
  while (rest.startsWith(separator)) {
    const [word] = /^"(?:[^"\\]|\\.)*"|^(?:(?!: \()[^\s"/,])+/su.exec(rest.slice(1))!;
    words.push(word.startsWith('"') ? JSON.parse(word) : word);
    rest = rest.slice(1 + word.length);
  }
  return { words, rest };
}

/** As `readShow`, of both tables; a name that XML cannot hold has other characters in its place. */
export function readTables(xml: string) {
  const vips = (section: string) => parts(xml, section).flatMap((table) => parts(table, 'VIP').map(readVip));
  return { byName: vips('group_vips_by_name'), byIp: vips('group_vips_by_ip') };
}

function readVip(vip: string): ShownVip {
  const own = vip.slice(0, vip.indexOf('<Followers>'));
  return {
    ip: texts(own, 'IP')[0]!,
    names: texts(own, 'Name'),
    labels: texts(own, 'State')[0]!.split(','),
    viewSeconds: Number(texts(own, 'Last_View_Change')[0]),
    ownerSeconds: Number(texts(own, 'Last_Owner_Change')[0]),
    owner: texts(own, 'Owner')[0] || undefined,
    followers: parts(vip, 'Follower').flatMap((follower) => texts(follower, 'IP')),
    participants: parts(vip, 'ParticipantView').map((view) => ({
      node: texts(view, 'Node_Name')[0]!,
      services: texts(view, 'Service'),
    })),
  };
}

function parts(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, inner]) => inner!);
}

const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' };

function texts(xml: string, name: string): string[] {
  return parts(xml, name).map((text) => text.replace(/&(lt|gt|quot|amp);/g, (entity) => entities[entity]!));
}
