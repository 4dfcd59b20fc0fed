import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../../src/core/address.ts';
import { Topology, type TopologyBlock } from '../../../src/core/duravip/topology.ts';

function block(network: string, interfaceName: string | undefined, prefixBits?: number): TopologyBlock {
  return { network, interface: interfaceName, prefixBits };
}

function find(topology: Topology, ip: string): string | undefined {
  const match = topology.find(ip);
  return (
    match &&
    `${match.interface} /${match.prefixBits} in ${formatPrefix(match.block.address, match.block.bits)}`
  );
}

describe('topology', () => {
  it('NET-2 NET-3 the longest prefix that contains the address says interface and mask', () => {
    const topology = new Topology([
      block('10.0.0.0/8', 'eth0'),
      block('10.1.0.0/16', 'eth1', 24),
      block('2001:db8::/32', 'eth2'),
    ]);
    expect(find(topology, '10.2.3.4')).toBe('eth0 /32 in 10.0.0.0/8');
    expect(find(topology, '10.1.3.4')).toBe('eth1 /24 in 10.1.0.0/16');
    expect(find(topology, '2001:db8::1')).toBe('eth2 /128 in 2001:db8::/32');
  });

  it('NET-4 an address in no block has none', () => {
    const topology = new Topology([block('10.0.0.0/8', 'eth0')]);
    expect(topology.find('192.0.2.1')).toBeUndefined();
    expect(topology.find('::1')).toBeUndefined();
    expect(topology.find('nonsense')).toBeUndefined();
  });

  it('NET-3 an empty network is every address of both families, after all others', () => {
    const topology = new Topology([block('', 'any'), block('10.0.0.0/8', 'eth0')]);
    expect(find(topology, '10.0.0.1')).toBe('eth0 /32 in 10.0.0.0/8');
    expect(find(topology, '192.0.2.1')).toBe('any /32 in 0.0.0.0/0');
    expect(find(topology, '::1')).toBe('any /128 in ::/0');
  });

  it('NET-5 a block without interface matches and says so', () => {
    expect(new Topology([block('10.0.0.0/8', undefined)]).find('10.0.0.1')).toMatchObject({
      interface: undefined,
    });
  });

  it('NET-3 the same prefix twice is a problem; the first one counts', () => {
    const topology = new Topology([
      block('10.0.0.0/8', 'eth0'),
      block('10.1.2.3/8', 'eth1'),
      block('x', 'eth2'),
    ]);
    expect(topology.problems).toEqual(['10.0.0.0/8 is there twice', "'x' is not a prefix"]);
    expect(find(topology, '10.0.0.1')).toBe('eth0 /32 in 10.0.0.0/8');
  });
});
