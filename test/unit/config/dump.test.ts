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
});
