/**
 * Regular expressions that no line can make slow, for rules about who may type what: whoever types a line chooses it, and
 * with backtracking a rule as `(a+)+$` would hold the process for minutes. RE2 follows all ways through the expression at
 * once, so the time is the length of the line times that of the expression, whatever they hold.
 *
 * The syntax is that of RE2, without case. What needs backtracking (back references, looking ahead and behind) is refused.
 */
import { RE2JS, RE2JSException } from 're2js';

const longestSource = 1000;

export class LinePattern {
  readonly source: string;
  readonly #compiled: RE2JS;

  private constructor(source: string, compiled: RE2JS) {
    this.source = source;
    this.#compiled = compiled;
  }

  /** What is wrong with it as text. */
  static parse(source: string): LinePattern | string {
    if (source.length > longestSource) return `the expression is longer than ${longestSource} characters`;
    try {
      return new LinePattern(source, RE2JS.compile(source, RE2JS.CASE_INSENSITIVE));
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error;
      // The flag is written before the expression.
      return error.message.replace(/^error parsing regexp: /, '').replace('`(?i)', '`');
    }
  }

  /** Whether it is found anywhere in the line. */
  test(line: string): boolean {
    return this.#compiled.test(line);
  }
}
