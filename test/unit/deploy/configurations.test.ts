/** The configuration files of deploy/ are valid, without a warning, on a host that has what they include. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../../src/config/check.ts';

const systemLogin = 'cluster { bus_system_user = "advisories" bus_system_password = "secret" }';

describe('the configuration files of deploy/', () => {
  it.each([
    ['compose/config/node.conf', 9464],
    ['compose/config/manager.conf', 9464],
    ['kubernetes/base/node.conf', 9464],
    ['kubernetes/base/manager.conf', 9464],
    ['systemd/ecelerity-cluster.conf', 9464],
    ['systemd/eccluster.conf', 9465],
  ])('%s is valid, and is watched on port %i', (path, port) => {
    const file = new URL(`../../../deploy/${path}`, import.meta.url);
    const text = readFileSync(file, 'utf8').replace(/^include .*$/m, systemLogin);
    const { findings, settings } = checkConfiguration({
      text,
      environment: { EC_NODE_NAME: 'relay-1' },
      hostname: 'relay-1',
    });
    expect(findings).toEqual([]);
    // The unit or the container says who the process is.
    expect(settings?.processUser).toBeUndefined();
    expect(settings?.metrics.map(({ endpoint }) => endpoint)).toEqual([{ host: '*', port }]);
  });
});
