import { describe, expect, it } from 'vitest';
import { managerReadyLine, readyLine } from '../../../src/cli/ready-line.ts';
import { settingsOf } from '../config/checked.ts';

const line = (text: string) => readyLine(settingsOf(text));

describe('the line by which a node says that it serves', () => {
  it('names the cluster, servers without their credentials, consoles and listeners', () => {
    expect(
      line(`cluster { servers = ( "nats://user:secret@10.1.1.10:4222" ) }
        Control_Listener { Listen "/tmp/2025" { } Listen "[::1]:2025" { } }
        ESMTP_Listener { Listen "10.1.1.1:25" { Upstream = "127.0.0.1:2525" } }`),
    ).toBe(
      'flotilla: relay-1 serves in ec_cluster: bus nats://10.1.1.10:4222, console /tmp/2025 [::1]:2025, listener 10.1.1.1:25',
    );
  });

  it('says that the node runs its own server, and nothing of what there is not', () => {
    expect(line('')).toBe('flotilla: relay-1 serves in ec_cluster: bus its own nats-server on port 4222');
  });

  it('is short for hundreds of listeners', () => {
    const listens = Array.from(
      { length: 300 },
      (_, port) => `Listen "127.0.0.1:${port + 1}" { Upstream = "127.0.0.1:2525" }`,
    );
    expect(line(`TCP_Listener { ${listens.join('\n')} }`)).toMatch(
      /listener 127\.0\.0\.1:1 127\.0\.0\.1:2 127\.0\.0\.1:3 127\.0\.0\.1:4 and 296 more$/,
    );
  });

  it('says of a manager where it writes series', () => {
    const text =
      'cluster { servers = ( "nats://10.1.1.10:4222" ) } as_logger { base_dir = /x series_include = ( a ) }';
    expect(managerReadyLine(settingsOf(text))).toBe(
      'flotilla: relay-1 manages ec_cluster: bus nats://10.1.1.10:4222, series /x',
    );
  });
});
