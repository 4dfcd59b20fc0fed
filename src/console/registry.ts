/**
 * The commands of a console, found by the longest registered prefix of words (CON-10). A command registered again
 * replaces the first (CON-13).
 */
import type { Gate } from './access/gate.ts';
import type { Answer } from './answer.ts';

/** Who gives a command. */
export type Commander = Pick<Gate, 'identity' | 'roles'>;

export interface Command {
  /** The fixed words, in lower case: `cluster shared show`. */
  readonly words: string;
  /** The whole syntax, as `usage:` prints it. */
  readonly usage: string;
  /** One line for the list of `help`. */
  readonly help: string;
  /** `write` changes something: the node, the cluster or a table. */
  readonly impact: 'read' | 'write';
  /** Behind it, after so many names, stands a command of nodes, which a console completes like one of its own. */
  readonly carries?: { readonly names: number };
  /** The first word may have an instance behind it: `inbound_audit:mine` (replication 10.1). */
  readonly anyInstance?: boolean;
  /** `args` are the words after the fixed ones, with their case kept. Throws FlotillaError for what cannot be done. */
  run(args: readonly string[], by: Commander, instance?: string): Answer | Promise<Answer>;
}

export interface Match {
  readonly command: Command;
  readonly args: readonly string[];
  /** What stands behind the colon of the first word. */
  readonly instance?: string;
}

interface Branch {
  command: Command | undefined;
  readonly next: Map<string, Branch>;
}

export class Registry {
  readonly #root: Branch = { command: undefined, next: new Map() };

  register(command: Command): void {
    let branch = this.#root;
    for (const word of command.words.split(' ')) {
      const next: Branch = branch.next.get(word) ?? { command: undefined, next: new Map() };
      branch.next.set(word, next);
      branch = next;
    }
    branch.command = command;
  }

  match(words: readonly string[]): Match | undefined {
    let branch = this.#root;
    let found: Match | undefined;
    let instance: string | undefined;
    for (const [index, word] of words.entries()) {
      const plain = word.toLowerCase();
      let next: Branch | undefined = branch.next.get(plain);
      if (!next && index === 0) {
        next = moduleOf(branch, plain);
        instance = word.slice(word.indexOf(':') + 1);
      }
      if (!next) break;
      branch = next;
      const args = words.slice(index + 1);
      if (branch.command)
        found = { command: branch.command, args, ...(instance === undefined ? {} : { instance }) };
    }
    return found;
  }

  /** All commands that begin with these words, sorted. */
  list(prefix: readonly string[] = []): readonly Command[] {
    let branch: Branch | undefined = this.#root;
    for (const word of prefix) branch = branch?.next.get(word.toLowerCase());
    return branch ? commandsBelow(branch).sort((a, b) => (a.words < b.words ? -1 : 1)) : [];
  }
}

function moduleOf(root: Branch, word: string): Branch | undefined {
  const [module, instance] = word.split(':');
  const found = instance ? root.next.get(module!) : undefined;
  return found && commandsBelow(found).every(({ anyInstance }) => anyInstance) ? found : undefined;
}

function commandsBelow(branch: Branch): Command[] {
  const below = [...branch.next.values()].flatMap(commandsBelow);
  return branch.command ? [branch.command, ...below] : below;
}
