import { describe, expect, it } from 'vitest';
import { dumpedScope, dumpedXml } from '../../../src/config/dump.ts';
import { checkText } from './checked.ts';

const { tree } = checkText(
  `
hostname = "a<b>\\n\\"c\\""
cluster { nodename = x  logs = [ a = /b ] }
cluster { nodename = y }
Binding "out & in" { }
`.replace('out & in', 'out&in'),
);

describe('flotilla dump-config', () => {
  it('CONF-9.2 each scope once, with what is set in it, as XML', () => {
    expect(dumpedXml(tree!)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<scope name="Global">
  <option name="Hostname">a&#60;b&#62;&#10;&#34;c&#34;</option>
  <scope name="Cluster">
    <option name="Nodename">y</option>
    <option name="Logs"><entry key="a">/b</entry></option>
  </scope>
  <scope name="Binding" instance="out&#38;in">
  </scope>
</scope>
`);
  });

  it('CONF-9.2 and as JSON', () => {
    expect(dumpedScope(tree!)).toEqual({
      name: 'Global',
      instance: null,
      options: { Hostname: 'a<b>\n"c"' },
      scopes: [
        { name: 'Cluster', instance: null, options: { Nodename: 'y', Logs: { a: '/b' } }, scopes: [] },
        { name: 'Binding', instance: 'out&in', options: {}, scopes: [] },
      ],
    });
  });

  it('CON-21 passwords, also those in addresses, only where they are asked for', () => {
    const { tree: secret } = checkText(`
cluster { servers = ( "nats://tom:hunter2@a:4222" "hunter2@b" )  bus_password = hunter2 }
msgc_server { secret = hunter2 }
Datasource d { uri = ( "pgsql://tom:hunter2@c/mail" "pgsql:host=d password='hunter2'" )  password = hunter2 }
`);
    expect(dumpedXml(secret!) + JSON.stringify(dumpedScope(secret!))).not.toContain('hunter2');
    expect(dumpedXml(secret!)).toContain(
      '<item>pgsql://tom:...@c/mail</item><item>pgsql:host=d password=...</item>',
    );
    expect(dumpedXml(secret!)).toContain(
      '<option name="Servers"><item>nats://tom:...@a:4222</item><item>...@b</item>',
    );
    expect(dumpedXml(secret!, 'written').match(/hunter2/g)).toHaveLength(7);
  });
});
