/** `reopen logs` (spec: logging 2). */
import { expect, it } from 'vitest';
import { fakeNode, type } from './fake-node.ts';

it('LOG-2 reopens all loggers, those of a kind, or one, and says Executed', async () => {
  const reopened: (string | undefined)[] = [];
  const facts = fakeNode({
    loggers: {
      names: ['ec_logger:main', 'ec_logger:Second', 'custom_logger:mine'],
      reopen: async (name) => void reopened.push(name),
    },
  });
  const ask = (line: string) => type(line, facts);
  expect(await ask('reopen logs')).toMatchObject({ status: 0, text: 'Executed\n' });
  expect(await ask('ec_logger:Second reopen logs')).toMatchObject({ status: 0, text: 'Executed\n' });
  expect(await ask('EC_logger reopen logs')).toMatchObject({ status: 0, text: 'Executed\n' });
  expect(reopened).toEqual([undefined, 'ec_logger:Second', 'ec_logger:main', 'ec_logger:Second']);
  expect((await ask('bounce_logger:x reopen logs')).status).toBe(1);
  expect((await ask('reopen logs now')).text).toBe('usage: reopen logs\n');
});
