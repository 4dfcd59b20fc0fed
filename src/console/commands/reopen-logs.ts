/** `reopen logs`, of all loggers or of one: after files were moved away, or a journal was removed (logging 2). */
import { failed, said, usage } from '../answer.ts';
import type { LoggerFacts } from '../facts.ts';
import type { Command } from '../registry.ts';

const modules = ['ec_logger', 'bounce_logger', 'custom_logger'];

export function reopenCommands({ loggers }: { readonly loggers: LoggerFacts }): readonly Command[] {
  return [
    {
      words: 'reopen logs',
      usage: 'reopen logs',
      help: 'write, close and open again what all loggers write to',
      impact: 'write',
      run: async (args) => {
        if (args.length > 0) return usage('reopen logs');
        await loggers.reopen();
        return said('Executed');
      },
    },
    ...modules.map((module) => reopenModule(module, loggers)),
  ];
}

function reopenModule(module: string, loggers: LoggerFacts): Command {
  const syntax = `${module}[:<name>] reopen logs`;
  return {
    words: `${module} reopen logs`,
    usage: syntax,
    help: `the same of ${module}, of one or of all of the kind`,
    impact: 'write',
    anyInstance: true,
    run: async (args, _by, instance) => {
      if (args.length > 0) return usage(syntax);
      const chosen = loggers.names.filter((name) =>
        instance === undefined ? name.startsWith(`${module}:`) : name === `${module}:${instance}`,
      );
      if (chosen.length === 0)
        return failed(`There is no logger ${module}${instance ? `:${instance}` : ''}.`);
      await Promise.all(chosen.map((name) => loggers.reopen(name)));
      return said('Executed');
    },
  };
}
