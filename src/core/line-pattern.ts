/**
 * Regular expressions that no line can make slow, for rules about who may type what: whoever types a line chooses it, and
 * with backtracking a rule as `(a+)+$` would hold the process for minutes. All ways through the expression are followed at
 * once, so the time is the length of the line times that of the expression, whatever they hold.
 *
 * The syntax is the usual one, without case: literals, `.`, classes, groups, `|`, `* + ? {m,n}`, `^ $ \b \B`, `\d \w \s`.
 * What needs backtracking (back references, looking ahead and behind) is refused with a text.
 */

const longestSource = 1000;
/** Counted repetitions are written out; nested ones multiply. */
const mostSteps = 2000;

type Assertion = '^' | '$' | 'b' | 'B';

type Step =
  | { readonly kind: 'unit'; readonly fits: (unit: number) => boolean; readonly next: number }
  | { readonly kind: 'either'; first: number; second: number }
  | { readonly kind: 'assert'; readonly assertion: Assertion; readonly next: number }
  | { readonly kind: 'done' };

type Node =
  | { readonly kind: 'unit'; readonly fits: (unit: number) => boolean }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'all'; readonly nodes: readonly Node[] }
  | { readonly kind: 'any'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly least: number; readonly most: number };

export class LinePattern {
  readonly source: string;
  readonly #steps: readonly Step[];
  readonly #start: number;

  private constructor(source: string, program: Program, start: number) {
    this.source = source;
    this.#steps = program.steps;
    this.#start = start;
  }

  /** What is wrong with it as text. */
  static parse(source: string): LinePattern | string {
    if (source.length > longestSource) return `the expression is longer than ${longestSource} characters`;
    try {
      const node = new Parser(source).whole();
      const program = new Program();
      return new LinePattern(source, program, program.add(node, program.push({ kind: 'done' })));
    } catch (error) {
      if (error instanceof Problem) return error.message;
      throw error;
    }
  }

  /** Whether it is found anywhere in the line. */
  test(line: string): boolean {
    let now = new Ways(this.#steps);
    let next = new Ways(this.#steps);
    for (let at = 0; ; at++) {
      now.enter(this.#start, line, at);
      if (now.isDone) return true;
      if (at === line.length) return false;
      next.clear();
      const unit = line.charCodeAt(at);
      for (const index of now.waiting) {
        const step = this.#steps[index]!;
        if (step.kind === 'unit' && step.fits(unit)) next.enter(step.next, line, at + 1);
      }
      [now, next] = [next, now];
      if (now.isDone) return true;
    }
  }
}

/** The steps that wait for one character of the line, each once. */
class Ways {
  readonly waiting: number[] = [];
  isDone = false;
  readonly #steps: readonly Step[];
  readonly #seen: Uint8Array;
  #touched: number[] = [];

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
    this.#seen = new Uint8Array(steps.length);
  }

  clear(): void {
    for (const index of this.#touched) this.#seen[index] = 0;
    this.#touched = [];
    this.waiting.length = 0;
    this.isDone = false;
  }

  enter(start: number, line: string, at: number): void {
    const open = [start];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (this.#seen[index]) continue;
      this.#seen[index] = 1;
      this.#touched.push(index);
      const step = this.#steps[index]!;
      if (step.kind === 'unit') this.waiting.push(index);
      else if (step.kind === 'done') this.isDone = true;
      else if (step.kind === 'either') open.push(step.first, step.second);
      else if (holds(step.assertion, line, at)) open.push(step.next);
    }
  }
}

function holds(assertion: Assertion, line: string, at: number): boolean {
  if (assertion === '^') return at === 0;
  if (assertion === '$') return at === line.length;
  const isBorder = isWordAt(line, at - 1) !== isWordAt(line, at);
  return assertion === 'b' ? isBorder : !isBorder;
}

function isWordAt(line: string, at: number): boolean {
  return at >= 0 && at < line.length && isWord(line.charCodeAt(at));
}

/** Steps from the last to the first: each knows where it leads. */
class Program {
  readonly steps: Step[] = [];
  #repetitions = 0;

  push(step: Step): number {
    if (this.steps.length >= mostSteps) throw new Problem('its repetitions are too many');
    return this.steps.push(step) - 1;
  }

  /** Where a way through `node` begins that goes on at `next`. */
  add(node: Node, next: number): number {
    switch (node.kind) {
      case 'unit':
      case 'assert':
        return this.push({ ...node, next });
      case 'all':
        return node.nodes.reduceRight((after, each) => this.add(each, after), next);
      case 'any': {
        const [first, ...others] = node.nodes.map((each) => this.add(each, next));
        return others.reduce((a, b) => this.push({ kind: 'either', first: a, second: b }), first!);
      }
      case 'repeat':
        return this.#repeat(node, next);
    }
  }

  #repeat({ node, least, most }: Node & { kind: 'repeat' }, next: number): number {
    let entry = next;
    if (most === Number.POSITIVE_INFINITY) {
      const loop: Step = { kind: 'either', first: next, second: next };
      entry = this.push(loop);
      loop.first = this.add(node, entry);
    } else {
      for (let extra = least; extra < most; extra++)
        entry = this.push({ kind: 'either', first: this.#addOnce(node, entry), second: next });
    }
    for (let count = 0; count < least; count++) entry = this.#addOnce(node, entry);
    return entry;
  }

  /** Repetitions of nothing take no steps, but time. */
  #addOnce(node: Node, next: number): number {
    if (++this.#repetitions > mostSteps) throw new Problem('its repetitions are too many');
    return this.add(node, next);
  }
}

class Problem extends Error {}

const classLetters: Readonly<Record<string, (unit: number) => boolean>> = {
  d: (unit) => unit >= 48 && unit <= 57,
  w: isWord,
  s: (unit) => /\s/.test(String.fromCharCode(unit)),
};
const controlLetters: Readonly<Record<string, string>> = {
  t: '\t',
  n: '\n',
  r: '\r',
  f: '\f',
  v: '\v',
  '0': '\0',
};

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  whole(): Node {
    const node = this.#alternatives();
    if (this.#at < this.#source.length) throw new Problem("there is no open '(' before ')'");
    return node;
  }

  #alternatives(): Node {
    if (++this.#depth > 100) throw new Problem('it is nested too deeply');
    const nodes = [this.#sequence()];
    while (this.#take('|')) nodes.push(this.#sequence());
    this.#depth--;
    return nodes.length === 1 ? nodes[0]! : { kind: 'any', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) {
      const node = this.#atom();
      nodes.push(this.#quantified(node));
    }
    return { kind: 'all', nodes };
  }

  #quantified(node: Node): Node {
    const counts = this.#quantifier();
    if (!counts) return node;
    if (node.kind === 'assert') throw new Problem('there is nothing to repeat');
    this.#take('?');
    if (this.#quantifier()) throw new Problem('there is nothing to repeat');
    return { kind: 'repeat', node, ...counts };
  }

  #quantifier(): { readonly least: number; readonly most: number } | undefined {
    if (this.#take('*')) return { least: 0, most: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { least: 1, most: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { least: 0, most: 1 };
    const counted = /^\{(\d{1,5})(?:(,)(\d{0,5}))?\}/.exec(this.#source.slice(this.#at, this.#at + 14));
    if (!counted) return undefined;
    this.#at += counted[0].length;
    const least = Number(counted[1]);
    const most =
      counted[2] === undefined ? least : counted[3] === '' ? Number.POSITIVE_INFINITY : Number(counted[3]);
    if (most < least) throw new Problem('the numbers of a repetition are out of order');
    return { least, most };
  }

  #atom(): Node {
    const char = this.#source[this.#at++]!;
    if ('*+?'.includes(char)) throw new Problem('there is nothing to repeat');
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'unit', fits: this.#class() };
      case '.':
        return { kind: 'unit', fits: (unit) => !isLineEnd(unit) };
      case '^':
      case '$':
        return { kind: 'assert', assertion: char };
      case '\\':
        return this.#escape();
      case '{':
        if (this.#at < this.#source.length && /^\{\d+(,\d*)?\}/.test(this.#source.slice(this.#at - 1)))
          throw new Problem('there is nothing to repeat');
        return literal(char);
      default:
        return literal(char);
    }
  }

  #group(): Node {
    if (this.#take('?')) {
      const named = /^<[A-Za-z_]\w*>/.exec(this.#source.slice(this.#at))?.[0];
      if (named !== undefined) this.#at += named.length;
      else if (!this.#take(':')) throw new Problem('looking ahead and behind is not offered');
    }
    const node = this.#alternatives();
    if (!this.#take(')')) throw new Problem("a '(' is not closed");
    return node;
  }

  #escape(): Node {
    const next = this.#source[this.#at];
    if (next === 'b' || next === 'B') {
      this.#at++;
      return { kind: 'assert', assertion: next };
    }
    const escaped = this.#escaped();
    return typeof escaped === 'string' ? literal(escaped) : { kind: 'unit', fits: escaped };
  }

  /** What follows a backslash: one character, or a class. */
  #escaped(): string | ((unit: number) => boolean) {
    const char = this.#source[this.#at++];
    if (char === undefined) throw new Problem('it ends with a backslash');
    const lower = char.toLowerCase();
    const letters = Object.hasOwn(classLetters, lower) ? classLetters[lower]! : undefined;
    if (letters) return char === lower ? letters : (unit) => !letters(unit);
    if (Object.hasOwn(controlLetters, char)) return controlLetters[char]!;
    const digits = char === 'x' ? 2 : char === 'u' ? 4 : 0;
    if (digits > 0) {
      const code = this.#source.slice(this.#at, this.#at + digits);
      if (!new RegExp(`^[0-9A-Fa-f]{${digits}}$`).test(code))
        throw new Problem(`\\${char} needs ${digits} digits`);
      this.#at += digits;
      return String.fromCharCode(Number.parseInt(code, 16));
    }
    if (/[1-9k]/.test(char)) throw new Problem('back references are not offered');
    if (/[A-Za-z]/.test(char)) throw new Problem(`\\${char} means nothing`);
    return char;
  }

  #class(): (unit: number) => boolean {
    const isNegated = this.#take('^');
    const members: ((unit: number) => boolean)[] = [];
    while (!this.#take(']')) {
      const first = this.#member();
      const isRange = this.#source[this.#at] === '-' && this.#source[this.#at + 1] !== ']';
      if (typeof first !== 'string' || !isRange) {
        members.push(typeof first === 'string' ? same(first) : first);
        continue;
      }
      this.#at++;
      const last = this.#member();
      if (typeof last !== 'string') throw new Problem('a range ends with a class');
      const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
      if (low > high) throw new Problem(`the range ${first}-${last} is out of order`);
      members.push((unit) => unit >= low && unit <= high);
    }
    const holdsAny = (unit: number) => members.some((fits) => cases(unit).some(fits));
    return isNegated ? (unit) => !holdsAny(unit) : holdsAny;
  }

  #member(): string | ((unit: number) => boolean) {
    const char = this.#source[this.#at++];
    if (char === undefined) throw new Problem("a '[' is not closed");
    if (char !== '\\') return char;
    return this.#take('b') ? '\b' : this.#escaped();
  }

  #take(char: string): boolean {
    if (this.#source[this.#at] !== char) return false;
    this.#at++;
    return true;
  }
}

function literal(char: string): Node {
  const fits = same(char);
  return { kind: 'unit', fits: (unit) => cases(unit).some(fits) };
}

function same(char: string): (unit: number) => boolean {
  const code = char.charCodeAt(0);
  return (unit) => unit === code;
}

/** A character, small and large; those of which one is of ASCII and the other is not are no pair, as in JavaScript. */
function cases(unit: number): readonly number[] {
  if (unit < 128) {
    if (unit >= 65 && unit <= 90) return [unit, unit + 32];
    return unit >= 97 && unit <= 122 ? [unit, unit - 32] : [unit];
  }
  const char = String.fromCharCode(unit);
  const others = [char.toLowerCase(), char.toUpperCase()].filter(
    (other) => other.length === 1 && other !== char,
  );
  return [unit, ...others.map((other) => other.charCodeAt(0)).filter((code) => code >= 128)];
}

function isWord(unit: number): boolean {
  return (
    (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90) || unit === 95 || (unit >= 97 && unit <= 122)
  );
}

function isLineEnd(unit: number): boolean {
  return unit === 10 || unit === 13 || unit === 0x2028 || unit === 0x2029;
}
