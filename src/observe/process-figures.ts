/** What the system knows about this process, under the names that all exporters use. Read at a scrape only. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Metrics } from './metrics.ts';

/** Where there is no /proc, the figures that need it are left out of the scrape. */
export function exposeProcess(metrics: Metrics): void {
  metrics.gauge('process_start_time_seconds', () => performance.timeOrigin / 1000);
  metrics.counter('process_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge('process_resident_memory_bytes', () => process.memoryUsage.rss());
  metrics.gauge('process_heap_bytes', () => process.memoryUsage().heapUsed);
  metrics.gauge('process_open_fds', () => readdirSync('/proc/self/fd').length);
  metrics.gauge('process_max_fds', () => {
    const [, most = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return most === '' ? Number.POSITIVE_INFINITY : Number(most);
  });
}
