import { describe, expect, it } from 'vitest';
import { modulesOf } from '../../../../src/config/online/modules.ts';
import { checkText } from '../checked.ts';

function modules(text: string, always: readonly string[] = ['cluster']): string[] {
  return modulesOf(checkText(text).tree!, always).map(
    ({ scope, instance = '-', isEnabled, api }) => `${scope} ${instance} ${isEnabled ? 'on' : 'off'} ${api}`,
  );
}

describe('the modules of a configuration', () => {
  it('CMD-1 are its stanzas that can be switched off, by kind, and those that are there anyway', () => {
    expect(
      modules(`
        ec_logger "main" { mainlog = "/tmp/m" }
        bounce_logger "b1" { enabled = false }
        ec_logger "second" { enabled = true }
        Control_Listener { Listen "/tmp/x" { } }`),
    ).toEqual([
      'cluster - on Singleton',
      'ec_logger main on Logger',
      'ec_logger second on Logger',
      'bounce_logger b1 off Logger',
    ]);
  });

  it('CMD-1 one that is stated and there anyway comes once', () => {
    expect(modules('inbound_audit { }  cluster { nodename = a }', ['cluster', 'inbound_audit'])).toEqual([
      'inbound_audit - on Singleton',
      'cluster - on Singleton',
    ]);
  });

  it('CMD-1 ds_core is there where there are datasources, and what is ignored is not', () => {
    expect(modules('Datasource "d" { uri = ( "sqlite:/tmp/a" ) }  ac_auth { }  syslog_io { }')).toEqual([
      'cluster - on Singleton',
      'syslog_io - on Singleton',
      'ds_core - on Singleton',
    ]);
  });

  it('CMD-1 what cannot be switched off is on, whatever the file says', () => {
    expect(modules('cluster { enabled = false }  pipe_io { enabled = false }')).toEqual([
      'cluster - on Singleton',
      'pipe_io - off Singleton',
    ]);
  });

  it('CMD-1 as_logger writes files of one manager: it has no instance', () => {
    expect(modules('as_logger { series_include = ( a ) }')).toContain('as_logger - on Singleton');
  });
});
