/** Transfers of logs among the jobs of a process (CMD-18): both ends call one by the same id, where it is free. */
import type { LogJobs } from '../actors/log-subscriber.ts';
import type { Jobs } from './jobs.ts';

const service = 'log';

export function logJobs(jobs: Jobs): LogJobs & { newId(): string } {
  return {
    newId: () => jobs.newId(service),
    begin: (job, id) => {
      const given = id !== undefined && !jobs.has(id) ? id : jobs.newId(service);
      return { id: given, end: jobs.begin({ ...job, id: given, service }) };
    },
  };
}
