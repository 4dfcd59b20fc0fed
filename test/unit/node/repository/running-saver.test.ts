import { expect, it } from 'vitest';
import { RunningSaver } from '../../../../src/node/repository/running-saver.ts';
import { VirtualClock } from '../../../sim/virtual-clock.ts';

const silent = () => {};
const minuteMs = 60_000;

it('CONF-11.1 the running configuration is saved every five minutes when it has changed, also after a failure', async () => {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const log = {
    debug: silent,
    info: silent,
    notice: silent,
    warning: (text: string) => void warnings.push(text),
    error: silent,
    critical: silent,
  };
  const [saved, open] = [[] as string[], { isPossible: true, connections: 0 }];
  let running: string | undefined = 'one';
  const saver = new RunningSaver({
    nodename: 'relay-1',
    text: async () => running,
    open: async () => {
      if (!open.isPossible) throw new Error('no bus');
      open.connections++;
      return {
        save: async (node, text) => {
          saved.push(`${node} ${Buffer.from(text)}`);
          return true;
        },
        close: async () => void open.connections--,
      };
    },
    around: { clock, log },
  });
  await clock.advance(4 * minuteMs);
  expect(saved).toEqual([]);
  await clock.advance(11 * minuteMs);
  expect(saved).toEqual(['relay-1 one']);
  [running, open.isPossible] = ['two', false];
  await clock.advance(16 * minuteMs);
  expect(warnings).toEqual(['the running configuration was not saved: no bus']);
  open.isPossible = true;
  await clock.advance(21 * minuteMs);
  expect(saved).toEqual(['relay-1 one', 'relay-1 two']);
  running = undefined;
  await clock.advance(26 * minuteMs);
  expect(saved).toHaveLength(2);
  await saver.stop();
  running = 'three';
  await clock.advance(60 * minuteMs);
  expect(saved).toHaveLength(2);
  expect(open.connections).toBe(0);
});
