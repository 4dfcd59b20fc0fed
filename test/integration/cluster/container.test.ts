/** A node as the first process of a container: pid 1 in a namespace of its own. Needs root. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { Fleet, membersAgree, type NodeProcess } from './fleet.ts';

const fleet = new Fleet();
// `--kill-child`: nothing stays behind when the fleet ends with SIGKILL.
const inContainer = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

afterEach(async () => {
  await fleet.end();
  await stopNatsServers();
});

describe('a node with process id 1', () => {
  it('ID-20 LIFE-9 has a random number in its private name, is no namesake of another pid 1, and ends on SIGTERM', async () => {
    const { url } = await startNatsServer();
    const start = (name: string) => fleet.start({ name, servers: [url], through: inContainer });
    const [first, second] = await Promise.all([start('relay-1'), start('relay-2')]);
    await membersAgree(first, second);
    expect(await first.console('pid')).toBe('1\n');
    expect(await second.console('pid')).toBe('1\n');
    const [one, two] = await first.membership();
    const [numberOne, numberTwo] = [one, two].map((name) => /^#ec0-(\d{5})#/.exec(name ?? '')?.[1]);
    expect(numberOne).toBeDefined();
    expect(numberTwo).toBeDefined();
    expect(numberOne).not.toBe(numberTwo);
    expect([numberOne, numberTwo]).not.toContain('00001');

    // The kernel gives pid 1 no default action: without a handler the signal would do nothing at all.
    process.kill(nodeInside(second), 'SIGTERM');
    expect(await second.ended).toBe(0);
    expect(second.log()).toContain('stopping: SIGTERM');
    await membersAgree(first);
  });
});

/** The process that is pid 1 in there, as it is called out here. */
function nodeInside({ pid }: NodeProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}
