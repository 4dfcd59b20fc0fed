/** Loggers and I/O modules as the configuration states them (spec: logging 2, 3; configuration). */
import { expect, it } from 'vitest';
import { checkText, codes, settingsOf } from '../config/checked.ts';

const logs = 'paniclog = "null://" rejectlog = "null://" acctlog = "null://"';

it.each([
  [`ec_logger "a" { ${logs} mainlog = "persist:///x" }`, 'CFG-2114'],
  [`ec_logger "a" { ${logs} mainlog = "jlog:///x" }`, 'CFG-2114'],
  [`ec_logger "a" { ${logs} mainlog = "pipe:///x?reinvok=1" }`, 'CFG-2114'],
  [`ec_logger "a" { ${logs} mainlog = "syslog://?facility=post" }`, 'CFG-2114'],
  [`ec_logger "a" { ${logs} mainlog = "cluster:///x=>master" }`, 'CFG-2314'],
  [
    `ec_logger "a" { ${logs} } ec_logger "b" { ${logs} mainlog = "/x" } ec_logger "c" { ${logs} }`,
    'CFG-2318',
  ],
  ['custom_logger "c" { mainlog = "/x" delivery_format = "%q" }', 'CFG-2319'],
  ['custom_logger "c" { mainlog = "/x" delivery_format = "%i" sanitize = "all" }', 'CFG-2107'],
  ['syslog_io { facility = post }', 'CFG-2107'],
])('LOG-2 LOG-3 %s is %s', (text, code) => {
  expect(codes(checkText(text))).toEqual([code]);
});

it('LOG-2 LOG-3 modules and options of all loggers are read with their units', () => {
  const { logging } = settingsOf(`
    log_hires_timestamp = true  debug_throttle_max_num_same_message = 5  debug_throttle_period_secs = 10
    cluster { logs_max_lag = 1000  logs_max_lag_action = drop-subscriber  log_group_split = true }
    pipe_io { output_file = "/o" output_mode = 0600 timeout = 30 }
    syslog_io "sys" { ident = "me" facility = local1 priority = info }
    bounce_logger "b" { bouncelog = "/b" bouncelog_mode = 0600 heartbeat = 5 spill = 7 }`);
  expect(logging).toEqual({
    loggers: [
      {
        kind: 'bounce_logger',
        name: 'b',
        spill: 7,
        bouncelog: {
          destination: { scheme: 'file', path: '/b', subscribers: [], parameters: new Map() },
          mode: 0o600,
        },
        heartbeatMs: 5000,
        inBand: true,
        outOfBand: true,
        transientFailures: true,
      },
    ],
    pipe: { output: { path: '/o', mode: 0o600 }, error: undefined, timeoutMs: 30_000 },
    syslog: { ident: 'me', facility: 'local1', priority: 'info' },
    isHighResolution: true,
    maxLag: { bytes: 1000, action: 'drop-subscriber' },
    equalMessages: { most: 5, periodMs: 10_000 },
    splitsLevels: true,
  });
});

it('LOG-2 a destination whose module is switched off takes nothing, nor does another take its lines; CFG-2006 tells', () => {
  const result = checkText(`
    syslog_io "sys" { enabled = false }
    pipe_io { enabled = false }
    ec_logger "a" { ${logs} mainlog = "syslog://" importlog = "pipe:///bin/cat" }
    custom_logger "c" { mainlog = "/x"
      delivery_format = "%i"  delivery_logfile = "syslog://"  rejection_format = "%i" }
    bounce_logger "off" { enabled = false  bouncelog = "syslog://" }`);
  expect(result.findings.map(({ severity, code, line }) => `${line} ${severity} ${code}`)).toEqual([
    '4 warning CFG-2006',
    '4 warning CFG-2006',
    '6 warning CFG-2006',
  ]);
  const [ec, custom] = result.settings!.logging.loggers;
  expect(ec).toMatchObject({ mainlog: undefined, importlog: undefined });
  expect(ec).toMatchObject({ acctlog: { destination: { scheme: 'null' } } });
  expect(custom?.kind === 'custom_logger' && [...custom.stages.keys()]).toEqual(['rejection']);
});

it('LOG-3 CFG-2006 a stage of a custom_logger with a format and no file, or a file and no format, is told', () => {
  const result = checkText(`
    custom_logger "c" {
      delivery_format = "%i"
      rejection_logfile = "/r"
      reception_format = "%i"  reception_logfile = "null://"
    }
    custom_logger "whole" { mainlog = "/x"  delivery_format = "%i" }
    custom_logger "off" { enabled = false  delivery_format = "%i" }`);
  expect(result.findings.map(({ severity, code, line }) => `${line} ${severity} ${code}`)).toEqual([
    '3 warning CFG-2006',
    '4 warning CFG-2006',
  ]);
});
