/**
 * A text in the 2.2 language, rewritten in the present one (CONF-3.2). What is the same in both, comments and layout are
 * left as they are, so a text in the present language comes out unchanged.
 *
 * Invariant: what is not understood is left whole as it was and remarked on, never rewritten by half or left out; the loader
 * refuses it then, rather than to run with less than the file says. No recursion: nesting is bounded by memory only.
 */
import { endsList, isName, isScalar, shorten } from '../cursor.ts';
import { type Finding, Findings } from '../finding.ts';
import type { Token } from '../lexer.ts';
import { quoted } from '../print.ts';
import { globalScope } from '../schema/global.ts';
import { scopeOf } from '../schema/lookup.ts';
import { hasInvalidText, Source } from '../source.ts';
import { beginsAttributes, readAttributes } from './attributes.ts';
import { closerOf, listenOf, rewriteListener } from './listeners.ts';
import { type Problem, type Remark, Walk } from './walk.ts';

/** Where a text stands: a file may be included inside the cluster scope, which has a language of its own. */
export type Place = 'top' | 'cluster' | 'inside';

export interface IncludedName {
  readonly target: string;
  readonly place: Place;
}

export interface Migration {
  readonly text: string;
  readonly isChanged: boolean;
  readonly remarks: readonly Remark[];
  readonly includes: readonly IncludedName[];
  /** Why nothing was done: it cannot be read at all. */
  readonly findings: readonly Finding[];
}

/** `name` is how remarks call the text. */
export function migrateText(name: string, text: string, place: Place = 'top'): Migration {
  const findings = new Findings();
  const source = new Source(name, text);
  const walk = new Walk(source, findings);
  // Elsewhere than in a comment they are found by the lexer.
  if (hasInvalidText(text)) findings.add('CFG-1101', source.span(0, 0), 'not all of it is UTF-8');
  const migrator = new Migrator(walk, place);
  if (!findings.hasErrors) migrator.run();
  const { unclosed, includes } = migrator;
  if (unclosed !== undefined)
    findings.add('CFG-1102', source.span(unclosed.start, unclosed.end), "the closing '}' is missing");
  if (findings.hasErrors)
    return { text, isChanged: false, remarks: [], includes: [], findings: findings.list() };
  const { rewriting, remarks } = walk;
  const isChanged = !rewriting.isUnchanged;
  const sorted = [...remarks].sort((a, b) => a.line - b.line || a.column - b.column);
  return { text: isChanged ? rewriting.result() : text, isChanged, remarks: sorted, includes, findings: [] };
}

/** A scope whose closing brace has not come yet. */
interface Open {
  readonly opener: Token;
  readonly place: Place;
  readonly indent: string;
  /** What has to stand outside of it. */
  readonly moved: string[];
}

const network = /^[0-9a-f.:]*[.:][0-9a-f.:]*(\/\d+)?$/i;

class Migrator {
  readonly #walk: Walk;
  readonly #place: Place;
  readonly #open: Open[] = [];
  readonly includes: IncludedName[] = [];

  constructor(walk: Walk, place: Place) {
    this.#walk = walk;
    this.#place = place;
  }

  run(): void {
    const walk = this.#walk;
    for (let token = walk.peek(); token.kind !== 'end'; token = walk.peek()) {
      if (token.kind === '}') this.#close(token);
      else if (token.kind === '{') this.#enter('inside');
      else if (!isScalar(token)) this.#notUnderstood(token);
      else if (!(this.#placeHere === 'cluster' && this.#inCluster(token))) this.#statement(token);
    }
  }

  /** A brace that is never closed: what had to go behind it has no place. */
  get unclosed(): Token | undefined {
    return this.#open.at(-1)?.opener;
  }

  get #placeHere(): Place {
    return this.#open.at(-1)?.place ?? this.#place;
  }

  #notUnderstood(token: Token): void {
    this.#walk.left({ token, text: `'${shorten(token.text)}' is not understood` });
    this.#walk.advance();
  }

  /** The brace is at hand. */
  #enter(place: Place): void {
    const opener = this.#walk.peek();
    this.#open.push({ opener, place, indent: this.#walk.indentOf(opener), moved: [] });
    this.#walk.advance();
  }

  #close(token: Token): void {
    const scope = this.#open.pop();
    if (scope === undefined) {
      this.#notUnderstood(token);
      return;
    }
    const lines = scope.moved.map((line) => `\n${scope.indent}${line}`);
    if (lines.length > 0) this.#walk.rewriting.replace(token.end, token.end, lines.join(''));
    this.#walk.advance();
  }

  #statement(token: Token): void {
    const walk = this.#walk;
    const next = walk.peek(1);
    const word = token.text.toLowerCase();
    if (token.kind === 'word' && /^(readonly_)?include$/.test(word) && isScalar(next)) {
      this.includes.push({ target: next.text, place: this.#placeHere });
      walk.advance(2);
    } else if (word === 'logger' && next.kind === 'word' && next.text.includes('/')) this.#module(token);
    else if (!isName(token)) this.#notUnderstood(token);
    else if (/_listener$/.test(word) && next.kind === '=' && walk.peek(2).kind === '(')
      this.#tried(token, () => rewriteListener(walk), `'${token.text} = ( )' is a scope now`);
    else if (next.kind === '[') this.#bareDictionary(token);
    else if (next.kind === '=') this.#assignment();
    else this.#scope(token);
  }

  /** Does it, or leaves it as it was and goes on behind it. */
  #tried(token: Token, rewrite: () => Problem | undefined, done: string): void {
    const walk = this.#walk;
    const mark = walk.mark();
    const problem = rewrite();
    if (problem === undefined) {
      walk.changed(token, done);
      return;
    }
    walk.undo(mark);
    walk.left(problem);
    while (!/^(?:\(|\[|end)$/.test(walk.peek().kind)) walk.advance();
    walk.skipBalanced();
  }

  /** `logs [ ... ]` */
  #bareDictionary(token: Token): void {
    const walk = this.#walk;
    walk.rewriting.replace(token.end, token.end, ' =');
    walk.changed(token, `'${token.text} [' is '${token.text} = [' now`);
    walk.advance();
    walk.skipBalanced();
  }

  /** `NAME =` is at hand. */
  #assignment(): void {
    const walk = this.#walk;
    walk.advance(2);
    const { kind } = walk.peek();
    if (kind === '(' || kind === '[') walk.skipBalanced();
    else if (kind !== '{' && kind !== '}' && kind !== 'end') walk.advance();
  }

  /** `Logger logging/ec_logger NAME {` */
  #module(token: Token): void {
    const walk = this.#walk;
    const path = walk.peek(1).text;
    const instance = isScalar(walk.peek(2)) ? walk.peek(2) : undefined;
    const last = instance ?? walk.peek(1);
    walk.advance(instance === undefined ? 2 : 3);
    if (walk.peek().kind !== '{') {
      walk.left({ token, text: `'Logger ${path}' has no body` });
      return;
    }
    const name = path.slice(path.lastIndexOf('/') + 1);
    const isCluster = name === 'ec_cluster';
    const isSingle = isCluster || scopeOf(globalScope, name)?.instance === 'none';
    const title = isCluster ? 'cluster' : isSingle ? name : `${name} ${quoted(instance?.text ?? name)}`;
    walk.rewriting.replace(token.start, last.end, title);
    walk.changed(token, `'Logger ${path}' is '${title}' now`);
    this.#enter(isCluster ? 'cluster' : 'inside');
  }

  /** `NAME [INSTANCE] [<ATTRIBUTES>] {` */
  #scope(token: Token): void {
    const walk = this.#walk;
    const mark = walk.mark();
    walk.advance();
    const hasInstance = isScalar(walk.peek()) && !beginsAttributes(walk);
    if (hasInstance) walk.splitBefore('<');
    const instance = hasInstance ? walk.peek() : undefined;
    if (instance !== undefined) walk.advance();
    const hasAttributes = beginsAttributes(walk);
    const attributes = readAttributes(walk);
    const brace = walk.peek();
    if ('token' in attributes) {
      walk.undo(mark);
      walk.left(attributes);
      for (walk.advance(); !endsList(walk.peek()); ) walk.advance();
      return;
    }
    if (brace.kind !== '{') {
      walk.left({ token, text: `'${shorten(token.text)}' is not understood` });
      return;
    }
    if (instance?.kind === 'word' && /^\/.+\/$/.test(instance.text)) {
      walk.put(instance, quoted(instance.text));
      walk.changed(instance, 'the regular expression is in quotes now');
    } else if (instance?.kind === 'word' && hasAttributes) walk.put(instance, quoted(instance.text));
    this.#enter(token.text.toLowerCase() === 'cluster' && this.#placeHere === 'top' ? 'cluster' : 'inside');
    this.#insertOptions(brace, attributes);
  }

  /** Behind the brace, which has been passed: on lines of their own where the scope has lines. */
  #insertOptions(brace: Token, options: readonly string[]): void {
    if (options.length === 0) return;
    const walk = this.#walk;
    const inner = walk.peek();
    const isOwnLine = inner.startsLine && inner.kind !== '}';
    const before = isOwnLine ? `\n${walk.indentOf(inner)}` : ' ';
    walk.rewriting.replace(brace.end, brace.end, options.map((option) => `${before}${option}`).join(''));
  }

  // Inside the cluster scope

  /** Whether it is something that this scope alone has. */
  #inCluster(token: Token): boolean {
    const walk = this.#walk;
    const next = walk.peek(1);
    const word = token.text.toLowerCase();
    if (next.kind === '=' && word === 'mbus_daemon' && isScalar(walk.peek(2))) {
      this.#takeOutStatement(token, 'is gone: nodes are joined by servers, or msgc_server and msgc_client');
      return true;
    }
    if (next.kind === '=' && word === 'cluster_listener' && isScalar(walk.peek(2))) {
      this.#clusterListener(token);
      return true;
    }
    const dictionary = next.kind === '=' ? walk.peek(2) : next;
    if (dictionary.kind !== '[') return false;
    if (word === 'replicate')
      this.#tried(token, () => this.#replicate(token), "'replicate [ ]' is a scope now");
    else if (next.kind === '[' && network.test(token.text))
      this.#tried(
        token,
        () => this.#topology(token),
        `'${token.text} [ ]' is 'Topology "${token.text}" { }' now`,
      );
    else return false;
    return true;
  }

  /** `NAME = VALUE` */
  #takeOutStatement(token: Token, why: string): void {
    const walk = this.#walk;
    for (const ahead of [0, 1, 2]) walk.takeOut(walk.peek(ahead));
    walk.advance(3);
    walk.changed(token, `'${token.text}' ${why}`);
  }

  #clusterListener(token: Token): void {
    const listen = listenOf(this.#walk.peek(2).text);
    const scope = this.#open.at(-1);
    if (listen === undefined || scope === undefined) {
      const text = `'${token.text}' is ECCluster_Listener { Listen "ENDPOINT" {} } outside of all scopes now`;
      this.#walk.left({ token, text });
      this.#walk.advance(3);
      return;
    }
    const options = listen.options.length === 0 ? '}' : ` ${listen.options.join('  ')} }`;
    scope.moved.push('ECCluster_Listener {', `  ${listen.head}${options}`, '}');
    this.#takeOutStatement(token, 'is ECCluster_Listener now, behind the cluster scope');
  }

  /** `replicate [ type = "T" ... ]` */
  #replicate(token: Token): Problem | undefined {
    const walk = this.#walk;
    const equals = walk.peek(1).kind === '=' ? walk.peek(1) : undefined;
    const opener = walk.peek(equals === undefined ? 1 : 2);
    walk.advance(equals === undefined ? 2 : 3);
    const closer = closerOf(walk);
    if (closer === undefined) return { token, text: 'NAME = VALUE is expected in it' };
    let type: string | undefined;
    for (; walk.peek() !== closer; walk.advance(3)) {
      if (walk.peek().text.toLowerCase() !== 'type') continue;
      type = walk.peek(2).text;
      for (const ahead of [0, 1, 2]) walk.takeOut(walk.peek(ahead));
    }
    if (type === undefined) return { token, text: `'${token.text} [ ]' needs a type` };
    walk.put(token, `Replicate ${quoted(type)}`);
    if (equals !== undefined) walk.takeOut(equals);
    this.#braces(opener, closer);
    return undefined;
  }

  /** `192.168.0.0/24 [ ... ]` */
  #topology(token: Token): Problem | undefined {
    const walk = this.#walk;
    const opener = walk.peek(1);
    walk.advance(2);
    const closer = closerOf(walk);
    if (closer === undefined) return { token, text: 'NAME = VALUE is expected in it' };
    walk.put(token, `Topology ${quoted(token.text)}`);
    while (walk.peek() !== closer) walk.advance();
    this.#braces(opener, closer);
    return undefined;
  }

  /** The closing bracket is at hand. */
  #braces(opener: Token, closer: Token): void {
    this.#walk.put(opener, '{');
    this.#walk.put(closer, '}');
    this.#walk.advance();
  }
}
