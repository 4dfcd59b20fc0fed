/** From the settings of a manager to the store of its aggregator, on the disk and in the time zone of this machine. */
import { FlotillaError } from '../core/errors.ts';
import type { LogsSettings } from '../core/settings.ts';
import { openDiskFiles } from '../journal/disk-files.ts';
import { localZone } from '../node/local-zone.ts';
import type { Surroundings } from '../node/surroundings.ts';
import type { Metrics } from '../observe/metrics.ts';
import { Aggregate } from './aggregate-store.ts';

export async function openAggregate(
  settings: LogsSettings,
  manager: string,
  { around, metrics }: { readonly around: Surroundings; readonly metrics: Metrics },
): Promise<Aggregate> {
  const [files, zone] = await Promise.all([openDiskFiles(), localZone()]);
  const aggregate = new Aggregate({
    settings,
    manager,
    zone,
    around: { files, ...around },
    openDestination: async ({ scheme }) => {
      throw new FlotillaError('FLT-2501', `${scheme}:// is no output of the aggregator`);
    },
  });
  metrics.gauge('aggregate_open_outputs', () => aggregate.openOutputs);
  return aggregate;
}
