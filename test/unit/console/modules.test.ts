import { describe, expect, it } from 'vitest';
import { fakeNode, type } from './fake-node.ts';

const node = fakeNode({
  modules: () => [
    {
      scope: 'ec_logger',
      instance: 'main',
      isEnabled: true,
      api: 'Logger',
      description: 'Where <mail> goes.',
    },
    { scope: 'ds_core', instance: undefined, isEnabled: false, api: 'Singleton', description: 'Queries.' },
  ],
  hooks: [
    { name: 'stopped', prototype: '(error: unknown): void' },
    { name: 'cluster.leader', prototype: '(now: string | undefined): Promise<void>' },
  ],
});

describe('module', () => {
  it('CMD-1 list has a block for each module; one that is alone has no instance', async () => {
    expect((await type('module list', node)).text).toBe(
      `Module: ec_logger:main
  Scope_Name: ec_logger
  Instance_Name: main
  Enabled: enabled
  API: Logger
  Name: ec_logger
  Description: Where <mail> goes.
Module: ds_core
  Scope_Name: ds_core
  Enabled: disabled
  API: Singleton
  Name: ds_core
  Description: Queries.
`,
    );
  });

  it('CMD-1 list in XML and JSON', async () => {
    expect((await type('xml module list', node)).text).toBe(
      '<Modules><Module><Scope_Name>ec_logger</Scope_Name><Instance_Name>main</Instance_Name>' +
        '<Enabled>enabled</Enabled><API>Logger</API><Name>ec_logger</Name>' +
        '<Description>Where &lt;mail&gt; goes.</Description></Module>' +
        '<Module><Scope_Name>ds_core</Scope_Name><Enabled>disabled</Enabled><API>Singleton</API>' +
        '<Name>ds_core</Name><Description>Queries.</Description></Module></Modules>\n',
    );
    expect(JSON.parse((await type('json module list', node)).text)).toEqual({
      modules: [
        {
          scope: 'ec_logger',
          instance: 'main',
          enabled: true,
          api: 'Logger',
          description: 'Where <mail> goes.',
        },
        { scope: 'ds_core', instance: null, enabled: false, api: 'Singleton', description: 'Queries.' },
      ],
    });
  });

  it('CMD-1 hooks has each name with its prototype behind a tab, in XML and JSON too', async () => {
    expect((await type('module hooks', node)).text).toBe(
      'stopped\n\t(error: unknown): void\ncluster.leader\n\t(now: string | undefined): Promise<void>\n',
    );
    expect((await type('xml module hooks', node)).text).toBe(
      '<Hooks><Hook><Name>stopped</Name><Prototype>(error: unknown): void</Prototype></Hook>' +
        '<Hook><Name>cluster.leader</Name><Prototype>(now: string | undefined): Promise&lt;void&gt;</Prototype></Hook></Hooks>\n',
    );
    expect(JSON.parse((await type('json module hooks', node)).text)).toEqual({ hooks: node.hooks });
  });

  it.each(['list', 'hooks'])('CMD-20 module %s with arguments prints its usage', async (word) => {
    expect(await type(`module ${word} x`, node)).toMatchObject({
      text: `usage: module ${word}\n`,
      status: 4,
    });
  });
});
