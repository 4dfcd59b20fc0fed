/**
 * The roles of `Authorization`, and what they allow (CON-30 to CON-32).
 *
 * Invariant: what no role allows is not allowed. A line is compared as the console understands it, so that neither blanks
 * nor quotes nor capitals get past a pattern.
 */
import { LinePattern } from '../../core/line-pattern.ts';
import type { RoleSettings } from '../../core/settings.ts';

/** Who gives commands. */
export interface Identity {
  /** Empty: nobody has asked for a name. */
  readonly user: string;
  /** Of the groups file. */
  readonly groups: readonly string[];
}

/** Comparing takes time in proportion; commands that people may give by role are short. */
const longestLine = 8192;

interface Role {
  readonly name: string;
  readonly allow: readonly LinePattern[];
}

export class Roles {
  #roles: readonly Role[] = [];

  constructor(settings: readonly RoleSettings[]) {
    this.configure(settings);
  }

  /** Counts for the next command, also of sessions that are open. */
  configure(settings: readonly RoleSettings[]): void {
    this.#roles = settings.map(({ name, allow }) => ({
      name,
      allow: allow.map((source) => LinePattern.parse(source)).filter((parsed) => typeof parsed !== 'string'),
    }));
  }

  get names(): readonly string[] {
    return this.#roles.map(({ name }) => name);
  }

  has(name: string): boolean {
    return this.#roles.some((role) => role.name === name);
  }

  /** The first role that allows it. */
  allowing({ user, groups }: Identity, line: string): string | undefined {
    if (line.length > longestLine) return undefined;
    const isHis = (name: string) => (user !== '' && name === user) || groups.includes(name);
    return this.#roles.find(({ name, allow }) => isHis(name) && allow.some((pattern) => pattern.test(line)))
      ?.name;
  }
}
