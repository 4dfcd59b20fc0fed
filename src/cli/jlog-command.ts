/** What can be typed behind `flotilla jlog`: the commands of jlogctl and more, and its old form of options and paths. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseId } from '../core/logs/log-id.ts';
import { complaint } from './arguments.ts';
import type {
  ConvertFlags,
  DataFlags,
  MetaFlags,
  RepairFlags,
  SettingsFlags,
  SubscriberFlags,
} from './jlog.ts';
import type { OldFlags } from './jlog-old-form.ts';
import type { TailFlags } from './jlog-records.ts';
import type { JlogFlags } from './open-jlog.ts';

type Given<F> = F & { readonly journal: string };

const placeText = 'with -a and -u: SEGMENT:RECORD, eight hexadecimal digits each';

/** `done` takes the exit code. */
export function addJlogCommand(program: Command, done: (exitCode: number) => void): void {
  const jlog = addOldForm(program.command('jlog'), done);
  const add = (name: string, description: string): Command =>
    jlog
      .command(name)
      .configureOutput(pointingTo(`flotilla jlog ${name} --help`))
      .description(description)
      .option('-j, --journal <directory>', 'the journal', '.')
      .option('-v', 'say more')
      .option('--json', 'print JSON, one object a line');

  add('subscriber', 'list subscribers, or change one')
    .option('-l', 'list (default)')
    .addOption(new Option('-a <name>', 'add').conflicts(['e', 'u', 'p', 'l']))
    .addOption(new Option('-e <name>', 'erase').conflicts(['u', 'p', 'l', 'C']))
    .addOption(new Option('-u <name>', 'move its checkpoint').conflicts(['p', 'l']))
    .addOption(new Option('-p <name>', 'what it would read next').conflicts(['l', 'C']))
    .addOption(new Option('-C <id>', placeText).argParser(place))
    .option('--if-missing', 'with -a: one that exists is fine')
    .action(async (flags: Given<SubscriberFlags>, command: Command) => {
      const problem =
        placeProblem(flags) ??
        (flags.ifMissing && flags.a === undefined ? '--if-missing goes with -a NAME' : undefined);
      if (problem !== undefined) command.error(problem);
      const { subscriber } = await import('./jlog.ts');
      done(await onJournal(flags, (path) => subscriber(path, flags)));
    });
  add('data', 'list segments, and look at their records')
    .option('-i', 'with their indexes')
    .option('-d', 'check the records')
    .option('-r', 'check them and cut out what is none')
    .action(async (flags: Given<DataFlags>) => {
      const { data } = await import('./jlog.ts');
      done(await onJournal(flags, (path) => data(path, flags)));
    });
  add('clean', 'delete segments that no subscriber needs').action(async (flags: Given<JlogFlags>) => {
    const { clean } = await import('./jlog.ts');
    done(await onJournal(flags, (path) => clean(path, flags)));
  });
  add('repair', 'put settings, checkpoints and the end of the data right; prints what was changed')
    .option('-f', 'also look at the data of every segment')
    .action(async (flags: Given<RepairFlags>) => {
      const { repair } = await import('./jlog.ts');
      done(await onJournal(flags, (path) => repair(path, flags)));
    });
  addSettings(add, done);
  addRecords(add, done);
}

function addSettings(add: (name: string, text: string) => Command, done: (exitCode: number) => void): void {
  const withSettings = (command: Command): Command =>
    command
      .addOption(new Option('-s <bytes>', 'size at which a segment is left').argParser(wholeNumber))
      .addOption(new Option('-p <bytes>', 'size of the write buffer; 0 for none').argParser(wholeNumber))
      .addOption(new Option('-c <switch>', 'compress the records').choices(['on', 'off']))
      .addOption(new Option('-f <safety>', 'what is synced').choices(['unsafe', 'metasafe', 'safe']));
  withSettings(add('create', 'make a journal')).action(async (flags: Given<SettingsFlags>) => {
    const { create } = await import('./jlog.ts');
    done(await onJournal(flags, (path) => create(path, flags)));
  });
  withSettings(add('alter', 'change settings of a journal that nobody has open')).action(
    async (flags: Given<SettingsFlags>, command: Command) => {
      if (['s', 'p', 'c', 'f'].every((name) => command.getOptionValue(name) === undefined))
        command.error('nothing to alter: give -s, -p, -c or -f');
      const { alter } = await import('./jlog.ts');
      done(await onJournal(flags, (path) => alter(path, flags)));
    },
  );
  const only = (flag: string, text: string, others: string[]): Option =>
    new Option(flag, `only ${text}`).conflicts(others);
  add('meta', 'print the settings')
    .addOption(only('-c', 'whether records are compressed', ['f', 'l', 'm', 'p', 's']))
    .addOption(only('-f', 'the safety', ['l', 'm', 'p', 's']))
    .addOption(only('-l', 'the current segment', ['m', 'p', 's']))
    .addOption(only('-m', 'the magic of records', ['p', 's']))
    .addOption(only('-p', 'the size of the write buffer', ['s']))
    .option('-s', 'only the size of segments')
    .action(async (flags: Given<MetaFlags>) => {
      const { meta } = await import('./jlog.ts');
      done(await onJournal(flags, (path) => meta(path, flags)));
    });
  add('check', 'say what is not right; changes nothing').action(async (flags: Given<JlogFlags>) => {
    const { check } = await import('./jlog.ts');
    done(await onJournal(flags, (path) => check(path, flags)));
  });
  add('convert', 'copy it, in another byte order or compressed')
    .argument('<target>', 'directory to make')
    .addOption(new Option('--order <order>', 'little or big endian').choices(['le', 'be']))
    .addOption(new Option('-c <switch>', 'compress the records').choices(['on', 'off']))
    .action(async (target: string, flags: Given<ConvertFlags>) => {
      const { convert } = await import('./jlog.ts');
      done(await onJournal(flags, (path) => convert(path, target, flags)));
    });
}

function addRecords(add: (name: string, text: string) => Command, done: (exitCode: number) => void): void {
  add('info', 'settings, contents, owner, and how far subscribers have come').action(
    async (flags: Given<JlogFlags>) => {
      const { info } = await import('./jlog-records.ts');
      done(await onJournal(flags, (path) => info(path, flags)));
    },
  );
  add('cat', 'print all records kept').action(async (flags: Given<JlogFlags>) => {
    const { cat } = await import('./jlog-records.ts');
    done(await onJournal(flags, (path) => cat(path, flags)));
  });
  add('tail', 'print the last records')
    .addOption(new Option('-n <count>', 'how many').argParser(wholeNumber).default(10))
    .option('-f, --follow', 'and those that come')
    .action(async (flags: Given<TailFlags>) => {
      const { tail } = await import('./jlog-records.ts');
      done(await onJournal(flags, (path) => tail(path, flags)));
    });
  add('drain', 'wait until a subscriber has read all that is there now')
    .argument('<subscriber>')
    .action(async (name: string, flags: Given<JlogFlags>) => {
      const { drain } = await import('./jlog-records.ts');
      done(await onJournal(flags, (path) => drain(path, name, flags)));
    });
}

function addOldForm(jlog: Command, done: (exitCode: number) => void): Command {
  return jlog
    .description('look at journals and mend them; also as `jlogctl OPTIONS PATH...`')
    .configureOutput(pointingTo('flotilla jlog --help'))
    .helpCommand(false)
    .enablePositionalOptions()
    .argument('[paths...]', 'journals, for the options below')
    .option('-l', 'list segments')
    .option('-a <name>', 'add a subscriber')
    .option('-e <name>', 'erase a subscriber')
    .option('-u <name>', 'move the checkpoint of a subscriber')
    .addOption(new Option('-C <id>', placeText).argParser(place))
    .option('-p <name>', 'what a subscriber would read next')
    .option('-s', 'list subscribers')
    .option('-i', 'list segments with their indexes')
    .option('-d', 'check the records')
    .option('-r', 'check the records and cut out what is none')
    .option('-c', 'delete segments that no subscriber needs')
    .option('-R', 'repair settings and checkpoints')
    .option('-v', 'say more')
    .action(async (paths: string[], flags: OldFlags, command: Command) => {
      if (paths.length === 0) command.error('give a command, or options and paths');
      const { v: _, C: __, ...asked } = flags;
      const problem =
        placeProblem(flags) ??
        (Object.keys(asked).length > 0
          ? undefined
          : `'${paths[0]}' is no command; for a journal give an option, as -s`);
      if (problem !== undefined) command.error(problem);
      const { oldForm } = await import('./jlog-old-form.ts');
      done(await oldForm(paths, flags));
    });
}

/** What the system refuses is told as everything else that fails, in one line. */
async function onJournal(
  { journal }: Given<JlogFlags>,
  run: (path: string) => Promise<number>,
): Promise<number> {
  const path = resolve(journal);
  const { endWithThePipe, refusedBySystem } = await import('./open-jlog.ts');
  endWithThePipe();
  try {
    return await run(path);
  } catch (error) {
    throw refusedBySystem(path, error);
  }
}

const pointingTo = (help: string) => ({
  outputError: (text: string, write: (text: string) => void) => {
    // The word too many is mostly the journal, as other programs take it.
    const named = text.replace(/(too many arguments for .*?)\.?\s*$/s, '$1. -j DIRECTORY names the journal');
    write(complaint(named, help));
  },
});

/** -C without what it belongs to would be passed over without a word. */
function placeProblem({ a, u, C }: Pick<SubscriberFlags, 'a' | 'u' | 'C'>): string | undefined {
  if (C !== undefined && a === undefined && u === undefined) return '-C goes with -a NAME or -u NAME';
  return u !== undefined && C === undefined ? '-u needs -C, where the checkpoint is to stand' : undefined;
}

function place(text: string): string {
  if (parseId(text)) return text;
  throw new InvalidArgumentError('Give SEGMENT:RECORD, eight hexadecimal digits each.');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 0xffffffff) throw new InvalidArgumentError('Give a whole number.');
  return number;
}
