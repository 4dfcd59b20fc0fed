/** From the settings of a manager to the store of its aggregator, on the disk and in the time zone of this machine. */
import type { LogsSettings } from '../core/settings.ts';
import { openDiskFiles } from '../journal/disk-files.ts';
import { openSink, type SinkParts } from '../logs/open-sink.ts';
import { localZone } from '../node/local-zone.ts';
import type { Surroundings } from '../node/surroundings.ts';
import { AggregateSink } from './aggregate-sink.ts';
import { Aggregate } from './aggregate-store.ts';

export interface AggregateParts {
  readonly settings: LogsSettings;
  /** Name of this manager. */
  readonly manager: string;
  readonly around: Surroundings;
  /** For outputs that are no files; as configured at the moment. */
  readonly sinks: () => Omit<SinkParts, 'clock' | 'zone'>;
}

export async function openAggregate({
  settings,
  manager,
  around,
  sinks,
}: AggregateParts): Promise<Aggregate> {
  const { clock } = around;
  const files = await openDiskFiles();
  const zone = localZone;
  return new Aggregate({
    settings,
    manager,
    zone,
    around: { files, ...around },
    openDestination: async (target) =>
      new AggregateSink(openSink(target, { ...sinks(), clock, zone }), clock),
  });
}
