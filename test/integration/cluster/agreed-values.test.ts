/** Nodes whose configurations differ where they must not. */
import { afterEach, describe, expect, it } from 'vitest';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, membersAgree } from './fleet.ts';

const fleet = new Fleet();

afterEach(async () => {
  await fleet.end();
  await stopNatsServers();
});

describe('a node with other values than the running cluster', () => {
  it('CFG-2317 both sides warn once, naming option, values and node, and are members of one view all the same', async () => {
    const { url } = await startNatsServer();
    const servers = [url];
    const [first, second] = await Promise.all([
      fleet.start({ name: 'relay-1', servers }),
      fleet.start({
        name: 'relay-2',
        servers,
        cluster: 'view_mature_time = 7 control_group = other_console',
      }),
    ]);
    await membersAgree(first, second);
    const warnings = (log: string) =>
      log
        .split('\n')
        .filter((line) => line.includes('CFG-2317'))
        .map((line) => JSON.parse(line).msg)
        .sort();
    await until(() => [first, second].every((node) => warnings(node.log()).length >= 2));
    // Another view: everybody says its values again.
    const third = await fleet.start({ name: 'relay-3', servers });
    await membersAgree(first, second, third);
    const rule = 'it must be the same on all nodes';
    await until(() => warnings(second.log()).length >= 4);
    expect(warnings(first.log())).toEqual([
      `control_group is ec_console here and other_console on relay-2; ${rule}`,
      `view_mature_time is 5 here and 7 on relay-2; ${rule}`,
    ]);
    expect(warnings(second.log())).toEqual([
      `control_group is other_console here and ec_console on relay-1; ${rule}`,
      `control_group is other_console here and ec_console on relay-3; ${rule}`,
      `view_mature_time is 7 here and 5 on relay-1; ${rule}`,
      `view_mature_time is 7 here and 5 on relay-3; ${rule}`,
    ]);
  });
});
