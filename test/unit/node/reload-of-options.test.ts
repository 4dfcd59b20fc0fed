import { describe, expect, it } from 'vitest';
import { defaultOf } from '../../../src/config/defaults.ts';
import { scopesWithPaths } from '../../../src/config/schema/lookup.ts';
import type { OptionSchema, OptionType } from '../../../src/config/schema/option.ts';
import { managed, ofManager } from '../../../src/manager/reload.ts';
import { differences, reloaded } from '../../../src/node/settings-change.ts';
import { checkText } from '../config/checked.ts';

/** Another value than the default one, in configuration syntax; undefined where none is certain to fit. */
function anotherValue(type: OptionType, name: string, usual: unknown): string | undefined {
  switch (type.kind) {
    case 'bool':
      return usual === true ? 'false' : 'true';
    case 'int':
    case 'real': {
      const next = Number(usual ?? type.min) + 1;
      return String(next <= type.max ? next : type.min);
    }
    case 'enum':
      return type.words.find((word) => word !== usual);
    case 'level':
      return usual === 'debug' ? 'INFO' : 'DEBUG';
    case 'rate':
      return '"7/3"';
    case 'mode':
      return '0600';
    case 'ip':
      return '10.9.9.9';
    case 'path':
      return '"/tmp/other"';
    case 'destination':
      return '"/tmp/other.log"';
    case 'string':
      return name === 'local_changes_file' ? '""' : 'other';
    default:
      return undefined;
  }
}

/** Where an option can stand, in a configuration that makes it count. */
const surroundings: Readonly<Record<string, (statement: string) => string>> = {
  global: (statement) => statement,
  cluster: (statement) => `cluster { ${statement} }`,
  'cluster::replicate': (statement) => `cluster { Replicate "inbound_cidr" { ${statement} } }`,
  'cluster::topology': (statement) => `cluster { Topology "10.1.1.0/24" { interface = eth0 ${statement} } }
    Binding b { bind_address = 10.1.1.1 enable_duravip = true }`,
  msgc_client: (statement) => `msgc_client { ${statement} }`,
  msgc_server: (statement) => `msgc_server { ${statement} }`,
  ec_logger: (statement) => `ec_logger "x" { ${statement} }`,
  bounce_logger: (statement) => `bounce_logger "x" { ${statement} }`,
  domain: (statement) => `Domain "example.com" { ${statement} }`,
  binding: (statement) => `Binding "b" { ${statement} }`,
  esmtp_listener: (statement) => `ESMTP_Listener { ${statement} Listen "127.0.0.1:2525" { } }`,
  control_listener: (statement) => `Control_Listener { ${statement} Listen "/tmp/x" { } }`,
  eccluster_listener: (statement) => `ECCluster_Listener { ${statement} Listen "127.0.0.1:4802" { } }`,
  redis_listener: (statement) => `Redis_Listener { cache = c ${statement} Listen "/tmp/r" { } }
    Datasource c { } cluster { Replicate c { type = cache } }`,
  as_logger: (statement) => `as_logger { series_include = ( a ) ${statement} }`,
  inbound_audit: (statement) => `inbound_audit { ${statement} }`,
  logs: (statement) => `Logs { ${statement} }`,
  datasource: (statement) => `Datasource "d" { uri = ( "sqlite:/tmp/a" ) ${statement} }`,
};

interface Tried {
  readonly name: string;
  readonly option: OptionSchema;
  /** It means something to managers alone. */
  readonly isOfManager: boolean;
  readonly before: string;
  readonly after: string;
}

function* tries(): Generator<Tried> {
  for (const { schema, path } of scopesWithPaths()) {
    const around = surroundings[path];
    if (!around) continue;
    for (const option of schema.options) {
      const isHere = option.paths === undefined || option.paths.includes(path);
      if (!isHere || option.ignored || option.removed) continue;
      const value = anotherValue(option.type, option.name, defaultOf(option));
      if (value === undefined) continue;
      const after = around(`${option.name} = ${value}`);
      const isOfManager = path === 'logs' || path === 'as_logger';
      yield { name: `${path}: ${option.name}`, option, isOfManager, before: around(''), after };
    }
  }
}

const all = [...tries()].filter(({ after }) => checkText(after).settings !== undefined);

describe('what the reference says of a reload', () => {
  it('CONF-8 nearly every option of these scopes is tried', () => {
    expect(all.length).toBeGreaterThan(100);
  });

  it.each(all.filter(({ isOfManager }) => !isOfManager))(
    'CONF-8 CONF-10 $name: on a node at once, or after a restart, as it is marked',
    ({ option, before, after }) => {
      const [running, wanted] = [checkText(before).settings!, checkText(after).settings!];
      const next = reloaded(running, wanted);
      const [applied, left] = [differences(running, next), differences(next, wanted)];
      if (option.restart) expect(applied).toEqual([]);
      else expect(left).toEqual([]);
    },
  );

  it.each(all)(
    'CONF-8 MGR-15 $name: on a manager at once, or after a restart, as it is marked',
    ({ option, isOfManager, before, after }) => {
      const running = checkText(before).settings!;
      const wanted = ofManager(checkText(after).settings!, running);
      const next = managed(running, wanted);
      const [applied, left] = [differences(running, next), differences(next, wanted)];
      if (option.restart) expect(applied).toEqual([]);
      else expect(left).toEqual([]);
      // By the name that it has in the files.
      if (isOfManager && !option.ignored)
        expect([...applied, ...left].filter((name) => /[a-z][A-Z]/.test(name))).toEqual([]);
    },
  );

  it.each(all.filter(({ isOfManager }) => isOfManager))(
    'CONF-10 $name is nothing to a node',
    ({ before, after }) => {
      const [running, wanted] = [checkText(before).settings!, checkText(after).settings!];
      expect(differences(reloaded(running, wanted), wanted)).toEqual([]);
    },
  );
});
