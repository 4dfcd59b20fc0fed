/** `Logs` of a manager (CONF-8.7, logging 10.1, 12). */
import { describe, expect, it } from 'vitest';
import { logsOf } from '../../../src/core/logs/aggregation.ts';
import { settingsOf } from '../config/checked.ts';

const aggregation = (text: string) => settingsOf(text).aggregation;

function of(text: string, manager: string, node = 'n', subcluster = 'default') {
  const settings = aggregation(text);
  if (!settings) throw new Error('there is no Logs');
  return logsOf(settings, manager, node, subcluster);
}

describe('CONF-8.7 Logs', () => {
  it('a manager without the stanza, or with it off, aggregates nothing', () => {
    expect(aggregation('')).toBeUndefined();
    expect(aggregation('Logs { enabled = false }')).toBeUndefined();
  });

  it('has the shipped values where nothing is stated', () => {
    expect(of('Logs { }', 'mgr')).toEqual({
      logfile: {
        scheme: 'file',
        path: '/var/log/eccluster/%Y/%m/%d/%{l}/%{s}/%{n}',
        subscribers: [],
        parameters: new Map(),
      },
      fileMode: 0o640,
      dirMode: 0o755,
      maxIdleMs: 60_000,
      maxOpen: 512,
      sync: true,
      subscribers: ['mgr', 'master'],
    });
    expect(aggregation('Logs { }')?.backlog).toBe(65_536);
    expect(aggregation('Logs { }\nThreadPool log_job { backlog = 7 }')?.backlog).toBe(7);
  });

  it('CONF-5.2 falls back by option: Manager::Node, Manager::Subcluster, Manager, Node, Subcluster, Logs', () => {
    const stated = [
      'Manager m { Node n { max_open = 1 } }',
      'Manager m { Subcluster s { max_open = 2  max_idle = 2 } }',
      'Manager m { max_open = 3  max_idle = 3 }',
      'Node n { max_open = 4  file_mode = 0444 }',
      'Subcluster s { max_open = 5  max_idle = 5 }',
      'max_open = 6 ',
    ];
    for (const order of [stated, stated.toReversed()]) {
      const found = stated.map((_, from) =>
        of(`Logs {\n${order.filter((text) => stated.indexOf(text) >= from).join('\n')}\n}`, 'm', 'n', 's'),
      );
      expect(found.map(({ maxOpen }) => maxOpen)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(found.map(({ maxIdleMs }) => maxIdleMs)).toEqual([2000, 2000, 3000, 5000, 5000, 60_000]);
      expect(found[0]!.fileMode).toBe(0o444);
    }
    const other = of(`Logs {\n${stated.join('\n')}\n}`, 'other', 'x', 'y');
    expect(other).toMatchObject({ maxOpen: 6, maxIdleMs: 60_000 });
  });

  it('LOG-12: a manager per subcluster, by the nodes it leaves out or by subcluster; ( ) pulls nothing', () => {
    const byNode = `Logs {
      Manager eastmgr { Node west1 { Subscriber = () }  Node west2 { Subscriber = () } }
      Manager westmgr { Node east1 { Subscriber = () }  Node east2 { Subscriber = () } }
    }`;
    const bySubcluster = `Logs {
      Manager eastmgr { Subcluster west { Subscriber = () } }
      Manager westmgr { Subcluster east { Subscriber = () } }
    }`;
    for (const text of [byNode, bySubcluster]) {
      const pulls = (manager: string, node: string) => of(text, manager, node, node.slice(0, 4)).subscribers;
      expect(pulls('eastmgr', 'east1')).toEqual(['eastmgr', 'master']);
      expect(pulls('eastmgr', 'west2')).toEqual([]);
      expect(pulls('westmgr', 'west1')).toEqual(['westmgr', 'master']);
      expect(pulls('westmgr', 'east2')).toEqual([]);
    }
  });

  it('the default subscribers hold no name twice, and a list is taken as it is stated', () => {
    expect(of('Logs { }', 'master').subscribers).toEqual(['master']);
    expect(of('Logs { Subscriber = ( b a ) }', 'mgr').subscribers).toEqual(['b', 'a']);
  });
});
