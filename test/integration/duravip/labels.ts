/** What nodes say of floating addresses while something is done to them, asked all the time. */
import type { NodeProcess } from '../cluster/fleet.ts';

export interface Seen {
  /** Labels of any of the addresses on any of the nodes. */
  readonly labels: readonly string[];
  readonly owners: readonly string[];
  /** `relay-1 7.3`: each view that a node was in. */
  readonly views: readonly string[];
}

interface Shown {
  readonly ip: string;
  readonly labels: readonly string[];
  readonly owner: string | null;
  readonly names: readonly string[];
}

export async function shownBy(node: NodeProcess, ips: readonly string[]): Promise<readonly Shown[]> {
  const { vips }: { vips: Shown[] } = JSON.parse(await node.console('json cluster duravip show'));
  return vips.filter(({ ip }) => ips.includes(ip));
}

/** Each node is looked at before the work begins, over and over while it is done, and once more after it. */
export async function seenDuring(
  nodes: readonly NodeProcess[],
  ips: readonly string[],
  work: () => Promise<void>,
): Promise<Seen> {
  const [labels, owners, views] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const look = async (node: NodeProcess) => {
    for (const shown of await shownBy(node, ips)) {
      for (const label of shown.labels) labels.add(label);
      owners.add(`${shown.ip} ${shown.owner}`);
    }
    views.add(`${node.name} ${await node.view()}`);
  };
  const lookAtAll = () => Promise.all(nodes.map(look));
  let isDone = false;
  const lookAgainAndAgain = async () => {
    while (!isDone) {
      await lookAtAll();
      await new Promise((resume) => setTimeout(resume, 10));
    }
  };
  await lookAtAll();
  const looking = lookAgainAndAgain();
  try {
    await work();
  } finally {
    isDone = true;
    await looking;
  }
  await lookAtAll();
  return { labels: [...labels].sort(), owners: [...owners].sort(), views: [...views].sort() };
}
