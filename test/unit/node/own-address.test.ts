/** The address that a node has found for itself, against those that float. The resolver is not the real one. */
import { expect, it, vi } from 'vitest';
import { startNode } from '../../../src/index.ts';

vi.mock('node:dns/promises', () => ({ lookup: async () => ({ address: '10.1.0.1' }) }));

/** Its clean slate would take the machine off its own network. */
it.each([
  ['floats', 'Binding a { bind_address = 10.1.0.1  enable_duravip = true }'],
  [
    'follows one that does',
    `Binding a { bind_address = 10.1.0.2  enable_duravip = true }
     TCP_Listener { Listen "10.1.0.1:80" { duravip_follow = a  upstream = "127.0.0.1:1" } }`,
  ],
])('ID-10 a node whose name resolves to an address that %s does not start', async (_what, text) => {
  const start = startNode({
    configText: `cluster { nodename = relay-1  servers = ( "nats://127.0.0.1:1" )  debug_level = critical
      Topology "10.1.0.0/16" { interface = none0 } }\n${text}`,
    environment: {},
    logOutput: { write: () => {} },
  });
  await expect(start).rejects.toMatchObject({
    code: 'FLT-1102',
    message: expect.stringContaining('10.1.0.1 is a floating address of the configuration'),
  });
});
