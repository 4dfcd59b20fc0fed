/**
 * Which type of shared object is kept in which kind of table. A new kind of table implements `ReplicatedTable` and is
 * named here; nothing else has to know it.
 */
import type { Incarnation } from '../identity.ts';
import { intBelow, type Random } from '../random.ts';
import type { ReplicaSettings, ReplicaType } from '../settings.ts';
import { CidrTable } from './cidr-table.ts';
import { spellingOf } from './gauge-key.ts';
import { GaugeTable } from './gauge-table.ts';
import { mostKeys, type ReplicatedTable, type TableKind } from './table.ts';

const kinds: Partial<Record<ReplicaType, TableKind>> = {
  inbound_cidr: 'cidrtree',
  outbound_cidr: 'cidrtree',
  outbound_domains: 'gauge table',
  outbound_binding_domains: 'gauge table',
};

export function tableKindOf(type: ReplicaType): TableKind | undefined {
  return kinds[type];
}

/** Undefined for the types that have no table here yet. */
export function createTable(
  settings: ReplicaSettings,
  self: Incarnation,
  random: Random,
): ReplicatedTable | undefined {
  const { type } = settings;
  const maxKeys = Math.min(settings.maxKeys, mostKeys);
  switch (tableKindOf(type)) {
    case 'cidrtree':
      return new CidrTable({ self, maxKeys, seed: intBelow(random, 0x1_0000_0000) | 0 });
    case 'gauge table':
      return new GaugeTable({ self, maxKeys, spelling: spellingOf(type) });
    default:
      return undefined;
  }
}
