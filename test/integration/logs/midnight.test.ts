/** Midnight comes while a node logs: its process and that of the manager live by the clock that libfaketime shows them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Fleet } from '../cluster/fleet.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const fleet = new Fleet();
const clockFile = join(fleet.folder, 'clock');
const output = join(fleet.folder, 'out');
const journal = join(fleet.folder, 'acctlog');
/** For machines that do much else at the same time. */
const patienceMs = 60_000;

const environment = {
  TZ: 'UTC',
  LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
  FAKETIME_TIMESTAMP_FILE: clockFile,
  FAKETIME_NO_CACHE: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
};

/** The clock of the processes shows this now, and goes on from there. */
function setClock(time: string): void {
  const offsetS = Math.round((Date.parse(time) - Date.now()) / 1000);
  writeFileSync(clockFile, `${offsetS < 0 ? '' : '+'}${offsetS}\n`);
}

afterAll(async () => {
  await fleet.end();
  await stopNatsServers();
});

const days = (): string[] => (existsSync(output) ? readdirSync(output).sort() : []);
const linesOf = (day: string): string[] =>
  readFileSync(join(output, day, 'acctlog'), 'utf8')
    .split('\n')
    .slice(0, -1);
/** Each console line leaves a record; ours are numbered. */
const numberOf = (line: string): number[] => (/@unknown (\d+)@/.exec(line)?.slice(1) ?? []).map(Number);

it('LOG-10.3 LOG-17.10 at midnight lines go on in the file of the new day, each in the one of its time, once', async () => {
  const { url } = await startNatsServer();
  setClock('2028-02-28T20:00:00Z');
  const common = { servers: [url], environment };
  const quick = 'log_active_interval = 0  log_idle_interval = 1';
  await fleet.start({
    ...{ ...common, name: 'mgr', role: 'manager', cluster: quick },
    scopes: `Logs { logfile = "${output}/%F/%{l}" }`,
  });
  const relay = await fleet.start({
    ...{ ...common, name: 'relay-1', cluster: `${quick}  logs = [ acctlog = "${journal}" ]` },
    scopes: `ec_logger "cluster" {
      mainlog = "null://"  paniclog = "null://"  rejectlog = "null://"
      acctlog = "cluster://${journal}=>master"
    }`,
  });
  let sent = 0;
  const send = async (): Promise<void> => void (await relay.console(`unknown ${sent++}`));
  await send();
  await until(() => days().length === 1, patienceMs);
  setClock('2028-02-28T23:59:57Z');
  await until(async () => {
    await send();
    return days().length === 2;
  }, patienceMs);
  await send();
  const all = () => days().flatMap(linesOf).flatMap(numberOf);
  await until(() => all().length >= sent, patienceMs);
  expect(all()).toEqual(Array.from({ length: sent }, (_, n) => n));
  expect(days()).toEqual(['2028-02-28', '2028-02-29']);
  for (const day of days())
    for (const line of linesOf(day))
      expect(new Date(Number(line.slice(0, 10)) * 1000).toISOString()).toContain(day);
}, 180_000);
