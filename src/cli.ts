/**
 * The command line: what can be typed, and what is wrong with it in one line (exit 2). Each command loads what it needs
 * when it runs, so that `flotilla version` does not wait for NATS, pino and the rest.
 */

import { Command, CommanderError, Option } from 'commander';
import { complaint, listOfUrls, positiveSeconds } from './cli/arguments.ts';
import { fatalLine } from './cli/fatal-line.ts';
import { addJlogCommand } from './cli/jlog-command.ts';
import { flotillaVersion } from './node/version.ts';

const usageExitCode = 2;
const failedExitCode = 1;

/** Runs one command line, without the program's name; the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const outcome = { exitCode: 0 };
  const program = buildProgram(outcome);
  try {
    if (argv.length === 0) program.error('no command given');
    await program.parseAsync([...argv], { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
    process.stderr.write(`${fatalLine(error)}\n`);
    return failedExitCode;
  }
}

function buildProgram(outcome: { exitCode: number }): Command {
  const program = new Command('flotilla')
    .description('Makes a fleet of relays, or any TCP services, act as one machine.')
    .version(`flotilla ${flotillaVersion}`, '--version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(complaint(text, 'flotilla help')) })
    .enablePositionalOptions()
    .helpCommand(false);

  withProcessOptions(program.command('node').description('run a node in the foreground')).action(
    async (options) => {
      const { runNode } = await import('./cli/run-process.ts');
      await runNode(options);
    },
  );

  withProcessOptions(
    program
      .command('manager')
      .description(
        'run a manager in the foreground: it collects what the nodes count, and carries no traffic',
      ),
  )
    .option('-g, --cluster-group <name>', 'cluster group, instead of the configured one')
    .option(
      '-v',
      'log warnings, too; -vv notices, -vvv what happens, -vvvv everything',
      (_, before) => before + 1,
      0,
    )
    .option('-n', 'do without the lock on the control cache (no other process may have it open)')
    .option('-d', 'stay in the foreground; it always does')
    .option('-e <directory>', 'has no effect: there are no extensions to be looked for')
    .option('-V', 'print the version')
    .action(async ({ v: verbosity, n: unlocked, V: isAsked, e: extensions, d: _, ...options }) => {
      if (isAsked) {
        process.stdout.write(`flotilla ${flotillaVersion}\n`);
        return;
      }
      if (extensions !== undefined) process.stderr.write('flotilla: -e has no effect\n');
      const { runManager } = await import('./cli/run-process.ts');
      await runManager({ ...options, verbosity, ...(unlocked && { unlocked }) });
    });

  program
    .command('console')
    .description('type commands to a node, or run those given and leave')
    .argument(
      '[endpoint]',
      '/path, [user@]host:port, [v6]:port, ssh://[user@]gateway/[user@]host:port or nats://[user:password@]server/<node>; default /tmp/2025',
    )
    .argument('[words...]', 'one command')
    .option('-e <command>', 'run this command; repeatable', (command: string, before: string[] = []) => [
      ...before,
      command,
    ])
    .addOption(new Option('-x', 'answers in XML').conflicts('j'))
    .addOption(new Option('-j', 'answers in JSON').conflicts('x'))
    .addOption(
      new Option('-t <seconds>', 'longest silence of the server').argParser(positiveSeconds).default(60),
    )
    .option('--password-file <file>', 'the password is its first line; others must not be able to read it')
    .option('--tls', 'TLS also to this host; to others it is always used')
    .option('--ca <file>', 'authority of the certificate of the console; default: those of the system')
    .option('--cert <file>', 'certificate to show to the console')
    .option('--key <file>', 'its key; default: in the file of the certificate')
    .passThroughOptions()
    .action(async (endpoint: string | undefined, words: string[], _: unknown, command: Command) => {
      // Options may also follow the endpoint; what follows the first word belongs to the command for the node.
      const rest = words[0]?.startsWith('-') ? command.parseOptions(words) : { operands: words, unknown: [] };
      if (rest.unknown[0] !== undefined) command.error(`unknown option '${rest.unknown[0]}'`);
      const { openConsole } = await import('./cli/open-console.ts');
      const exitCode = await openConsole(endpoint, rest.operands, command.opts());
      if (exitCode === undefined)
        command.error(
          `'${endpoint}' is no console endpoint: use /path, host:port, [v6]:port or nats://server/node`,
        );
      else outcome.exitCode = exitCode;
    });

  program
    .command('passwd')
    .description('set the password of a console user in a file, or take the user out')
    .argument(
      '<file>',
      'password file for AuthLoginParameters = [ uri = "scrypt://FILE" ]; made when missing',
    )
    .argument('<user>')
    .option('-D', 'take the user out')
    .action(async (file: string, user: string, { D: isRemoved = false }: { D?: boolean }) => {
      const { setPassword } = await import('./cli/passwd.ts');
      outcome.exitCode = await setPassword({ file, user, isRemoved });
    });

  program
    .command('check-config')
    .description('check a configuration and print every problem')
    .argument('<file>', 'configuration file; a name without directory is looked for along the search path')
    .option('--strict', 'also remark on what works but is against the rules')
    .option('--json', 'print an array of objects')
    .action(async (file: string, { strict = false, json = false }: { strict?: boolean; json?: boolean }) => {
      const { checkConfiguration } = await import('./config/check.ts');
      const { exitStatus, renderFindings } = await import('./config/report.ts');
      const result = checkConfiguration({ file, strict, environment: process.env });
      process.stdout.write(renderFindings(result, { json }));
      outcome.exitCode = exitStatus(result);
    });

  program
    .command('migrate-conf')
    .description('rewrite files of version 2.2 in the present language, with the files they include')
    .argument(
      '[files...]',
      'the original of FILE is kept as FILE.bak; without files: standard input to output',
    )
    .option('-n, --dry-run', 'only say what would be changed')
    .action(async (files: string[], flags: { dryRun?: true }) => {
      const { migrateConfiguration } = await import('./cli/migrate-conf.ts');
      outcome.exitCode = await migrateConfiguration(files, flags);
    });

  program
    .command('dump-config')
    .description('print what a configuration says, all its files in one, as XML')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('-f, --output <file>', 'write it there')
    .option('--json', 'as JSON')
    .option('--with-secrets', 'with passwords, tokens and secrets, which are "..." otherwise')
    .action(async (flags: { config: string; output?: string; json?: true; withSecrets?: true }) => {
      const { dumpConfiguration } = await import('./cli/dump-config.ts');
      outcome.exitCode = dumpConfiguration(flags);
    });

  program
    .command('cidr')
    .description('ask the files of series, or type questions')
    .argument('[words...]', "one question: 'show available', 'show count for ...' or 'cache details'")
    .option('-d, --directory <directory>', 'where the files are; default: that of a manager, else of a node')
    .option('--strict', 'say what is wrong with a question, and that there is no data')
    .option('--json', 'answer in JSON, a line for each question, with what is wrong')
    .action(async (words: string[], options: { directory?: string; strict?: true; json?: true }) => {
      const { askJournals } = await import('./cli/ask-journals.ts');
      outcome.exitCode = await askJournals(words.join(' '), options);
    });

  program
    .command('cidr-maintain')
    .alias('cidr_maintain')
    .description('compress and delete files of series by their age; once a day')
    .requiredOption('-c, --config <file>', 'which files, and for how long they are kept')
    .action(async ({ config }: { config: string }) => {
      const { maintainJournals } = await import('./cli/maintain-journals.ts');
      outcome.exitCode = await maintainJournals(config);
    });

  addJlogCommand(program, (exitCode) => {
    outcome.exitCode = exitCode;
  });

  program
    .command('cfg')
    .description('pull, commit and look at the versioned configuration')
    .argument('[words...]', "a command; 'flotilla cfg help' lists them")
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .action(async (_: string[], __: unknown, command: Command) => {
      const { runCfg } = await import('./cli/cfg.ts');
      outcome.exitCode = await runCfg(command.args);
    });

  program
    .command('version')
    .description('print the version')
    .action(() => void process.stdout.write(`flotilla ${flotillaVersion}\n`));

  program
    .command('help')
    .description('list the commands, or explain one')
    .argument('[command]')
    .action((name: string | undefined) => {
      const explained =
        name === undefined ? program : program.commands.find((command) => command.name() === name);
      if (explained) explained.outputHelp();
      else program.error(`unknown command '${name}'`);
    });

  return program;
}

function withProcessOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file')
    .option('--nodename <name>', 'name of this process, instead of the configured one')
    .addOption(
      new Option('--servers <url,...>', 'NATS servers, instead of the configured ones').argParser(listOfUrls),
    )
    .option('--state-dir <directory>', 'where it keeps its state, instead of the configured directory')
    .option(
      '--working-copy <directory>',
      'managed configuration to be kept up to date; default: /etc/flotilla/conf, when there is /etc/flotilla/cluster.boot',
    );
}
