/**
 * Program of a child process: many members of a cluster that share it, for a machine that cannot bear as many processes.
 * They do what members do that have nothing to count.
 */
import type { ClusterLife } from '../src/node/cluster-life.ts';
import type { CompanyTasks } from './company.ts';
import { startMember } from './member-life.ts';
import { serveTasks } from './task-process.ts';

const [url = '', configText = '', first = '', count = ''] = process.argv.slice(2);
const lives: ClusterLife[] = [];
for (let number = Number(first); lives.length < Number(count); number++)
  lives.push(
    await startMember({ name: `relay-${number}`, url, configText, processId: process.pid + number }),
  );

serveTasks<CompanyTasks>({
  members: () => Math.min(...lives.map((life) => life.member.membership.view.members.length)),
});
