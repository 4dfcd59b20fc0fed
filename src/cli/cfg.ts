/**
 * `flotilla cfg`: the command line of the configuration repository, in the words of eccfg (CONF-11.3). Exit code 1: it was
 * not done, and why is said; 2: the command line is wrong.
 */

import { inspect } from 'node:util';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { complaint, listOfUrls, positiveSeconds } from './arguments.ts';
import { Place, type PlaceFlags } from './cfg-place.ts';
import { wholeOptions } from './cfg-words.ts';

const usageExitCode = 2;

type Run = (place: Place, names: readonly string[], flags: never) => Promise<number>;

/** Runs one command; the exit code. Throws FlotillaErrors. */
export async function runCfg(words: readonly string[]): Promise<number> {
  const outcome = { exitCode: 0 };
  const program = buildProgram(outcome);
  const typed = wholeOptions(words, program);
  try {
    if ('problem' in typed) program.error(typed.problem);
    else if (typed.words.length === 0 || typed.words[0] === 'help') explain(program, typed.words[1]);
    else await program.parseAsync(typed.words, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
    if (words.some((word) => /^--?debug$/.test(word))) process.stderr.write(`${inspect(error)}\n`);
    throw error;
  }
}

function explain(program: Command, name: string | undefined): void {
  const explained = name === undefined ? program : program.commands.find((each) => each.name() === name);
  if (explained) explained.outputHelp();
  else program.error(`unknown command 'cfg ${name}'`);
}

function buildProgram(outcome: { exitCode: number }): Command {
  const program = withPlaceOptions(new Command('flotilla cfg'))
    .description('The versioned configuration of a cluster.')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(complaint(text, 'flotilla cfg help')) })
    .enablePositionalOptions()
    .helpCommand(false);
  const command = (words: string, description: string, run: Run): Command => {
    const made = withPlaceOptions(program.command(words)).description(description);
    return made.action(async () => {
      const { wc, ...flags } = made.optsWithGlobals<PlaceFlags & { readonly wc?: string }>();
      const place = new Place(wc === undefined ? flags : { ...flags, workingCopy: wc });
      outcome.exitCode = await run(place, made.args, made.opts() as never);
    });
  };
  localCommands(command);
  repositoryCommands(command);
  return program;
}

type AddCommand = (words: string, description: string, run: Run) => Command;

function localCommands(command: AddCommand): void {
  const local = () => import('./cfg-local.ts');
  command(
    'bootstrap [server]',
    'first checkout from HOST[:PORT], and cluster.boot',
    async (place, [server], flags) => (await local()).bootstrap(place, server, flags),
  )
    .addOption(new Option('--clustername <name>', 'subcluster of this machine').conflicts('singlenode'))
    .option('--singlenode', 'the subcluster default, which is made when it is missing')
    .option('--keep-local', 'the files that are here stay, as local changes');
  command('pull', 'take what others committed', async (place, _, flags) => (await local()).pull(place, flags))
    .option('--auto', 'as the node does each minute: as cluster.boot allows')
    .addOption(
      new Option('--mine', 'where both changed, keep the local text').conflicts(['theirs', 'manual', 'auto']),
    )
    .addOption(
      new Option('--theirs', 'where both changed, take the upstream text').conflicts(['manual', 'auto']),
    )
    .addOption(new Option('--manual', 'where both changed, leave files for an editor').conflicts('auto'));
  command('commit', 'send the local changes', async (place, _, flags) => (await local()).commit(place, flags))
    .option('--add-all', 'also files that are not under control')
    .option('--delete-all', 'also the removal of files that are missing')
    .option('--message <text>', 'what for')
    .option('--no-validate', 'even when a node could not start with it')
    .option('--reload [endpoint]', 'then have the node here read it');
  command('delete <files...>', 'schedule the removal of files', async (place, files) =>
    (await local()).remove(place, files),
  );
  command('status [files...]', 'local changes', async (place, files) => (await local()).status(place, files));
  command('resolve [files...]', 'end conflicts after pull --manual', async (place, files, flags) =>
    (await local()).resolveConflicts(place, files, flags),
  ).option('--revert', 'with the upstream text');
  command('revert [files...]', 'drop local changes', async (place, files, { to }: { to?: number }) => {
    if (to === undefined && files.length === 0) throw usage("missing argument 'files'");
    if (to === undefined) return await (await local()).revert(place, files);
    return await (await import('./cfg-repository.ts')).revertTo(place, to, files[0] ?? '');
  }).option('--to <revision>', 'a new commit that restores this revision', revision);
}

function repositoryCommands(command: AddCommand): void {
  const repository = () => import('./cfg-repository.ts');
  const history = () => import('./cfg-history.ts');
  command(
    'clone <source> <target>',
    'in the repository: target becomes exactly source',
    async (place, [from, to]) => (await repository()).copyInRepository(place, from!, to!, true),
  );
  command(
    'overlay <source> <target>',
    'the same, but what only target has stays',
    async (place, [from, to]) => (await repository()).copyInRepository(place, from!, to!, false),
  );
  command(
    'put <source> [target]',
    'store one file in the repository, if it differs; `put running`: what the process here runs with',
    async (place, [source, target], { from }: { from?: string }) => {
      if (target !== undefined) return await (await repository()).putFile(place, source!, target);
      if (source !== 'running') throw usage("missing argument 'target'");
      return await (await import('./cfg-running.ts')).putRunning(place, from);
    },
  ).option('--from <endpoint>', 'put running: console of the process; default: the usual one');
  command(
    'subcluster <operation> [names...]',
    subclusterText,
    async (place, [name = '', ...names], flags) => {
      const { subcluster, subclusterOperations } = await import('./cfg-subcluster.ts');
      const operation = Object.hasOwn(subclusterOperations, name) ? subclusterOperations[name] : undefined;
      if (!operation) throw usage(`unknown command 'cfg subcluster ${name}'`);
      const needed = operation.names.filter((each) => !each.endsWith('?')).length;
      if (names.length < needed || names.length > operation.names.length)
        throw usage(`'cfg subcluster ${name}' takes ${operation.names.join(' ') || 'no names'}`);
      return await subcluster(place, operation, names, flags);
    },
  ).option('--with-history', 'copy: all revisions');
  command(
    'diff [path]',
    'differences: what was changed here',
    async (place, [path], { revision: range }: { revision?: string }) =>
      (await history()).diff(place, range, path),
  ).option('-r, --revision <A[:B]>', 'against revision A, or from A to B');
  command('log [path]', 'who committed what', async (place, [path], { limit }: { limit?: number }) =>
    (await history()).log(place, limit ?? Number.POSITIVE_INFINITY, path),
  ).option('-n, --limit <revisions>', 'how many, the newest first', revision);
  command(
    'cat <path>',
    'a file as the repository has it',
    async (place, [path], flags: { revision?: number }) =>
      (await history()).cat(place, flags.revision, path!),
  ).option('-r, --revision <revision>', 'as this revision had it', revision);
  command('info', 'what this working copy is', async (place) => (await history()).info(place));
}

const subclusterText =
  'clusters, create NAME, copy SRC DST, master [NAME], slaves [NAME], override|resume NAME SERVER, conflict|resolve NAME';

function withPlaceOptions(command: Command): Command {
  return command
    .option('--username <name>', 'author of commits, and NATS user with --password; default: $USER')
    .option('--password <text>', 'of the NATS user')
    .option('--working-copy <directory>', 'default: /etc/flotilla/conf')
    .addOption(new Option('--wc <directory>', 'the same').conflicts('workingCopy'))
    .option(
      '--servers <url,...>',
      'NATS servers, instead of those of cluster.boot or the configuration',
      listOfUrls,
    )
    .option('--cluster-group <name>', 'instead of the configured one')
    .option('--config <file>', 'where servers and cluster group are stated, if not in the working copy')
    .option('--wait <seconds>', 'longest wait for one answer of the servers; default: 15', positiveSeconds)
    .addOption(new Option('--quiet', 'print nothing but problems').conflicts('debug'))
    .option('--debug', 'print more about problems');
}

function usage(problem: string): CommanderError {
  process.stderr.write(complaint(problem, 'flotilla cfg help'));
  return new CommanderError(usageExitCode, 'flotilla.usage', problem);
}

function revision(text: string): number {
  const number = Number(text.replace(/^r/, ''));
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('Give a whole number above 0.');
  return number;
}
