/** A member of a cluster, composed as a node composes it, without console and listeners, which figures are not about. */
import { checkConfiguration } from '../src/config/check.ts';
import type { NodeSettings } from '../src/core/settings.ts';
import { openBusServer } from '../src/node/bus-server.ts';
import { ClusterLife } from '../src/node/cluster-life.ts';
import { Conversation } from '../src/node/conversation.ts';
import { Floating } from '../src/node/floating.ts';
import { Machine } from '../src/node/machine.ts';
import { systemClock, systemRandom } from '../src/node/system-clock.ts';
import { silentLog } from './silent-log.ts';

const around = { clock: systemClock, random: systemRandom, log: silentLog, counters: { add: () => {} } };

export interface MemberOptions {
  readonly name: string;
  /** Of the NATS server. */
  readonly url: string;
  /** Its stanza `cluster`. */
  readonly configText: string;
  /** Where more than one live in a process, each has another one. */
  readonly processId: number;
}

export async function startMember(options: MemberOptions): Promise<ClusterLife> {
  const settings = settingsOf(options);
  return new ClusterLife({
    settings,
    server: await openBusServer(settings, around),
    around,
    processId: options.processId,
    node: {
      address: '127.0.0.1',
      machine: await Machine.open(settings, around),
      floating: new Floating(settings.duravip, around),
      program: new Conversation(() => [], silentLog),
      execute: () => {
        throw new Error('no console here');
      },
      api: () => {
        throw new Error('no API here');
      },
    },
  });
}

function settingsOf({ name, url, configText }: MemberOptions): NodeSettings {
  const { settings, findings } = checkConfiguration({
    text: configText,
    nodename: name,
    servers: [url],
    environment: {},
  });
  if (!settings) throw new Error(JSON.stringify(findings));
  return settings;
}
