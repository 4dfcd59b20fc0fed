/**
 * Into which file each console change goes (CONF-6.4), and what that file then says. Only texts are made here.
 *
 * Invariants: what is not changed stays byte for byte, with its comments, order and layout; a change goes where it counts
 * when everything is read again, so never before a later statement about the same option.
 */
import { consoleName, instanceText } from '../change.ts';
import { type ConfigurationFiles, diskFiles } from '../files.ts';
import type { LoadedConfiguration, LoadedFile } from '../load.ts';
import { printValue } from '../print.ts';
import type { Assigned, Place, Scope, Setting } from '../scope-tree.ts';
import { canonicalName, scopePath } from '../show.ts';
import { decodeText, type Span } from '../source.ts';

export interface WritebackRequest {
  readonly loaded: LoadedConfiguration;
  /** What the files alone say. */
  readonly stored: Scope;
  /** What runs. */
  readonly running: Scope;
  /** Undefined: there is none. */
  readonly changesFile: string | undefined;
  readonly files?: ConfigurationFiles;
}

export interface ChangedFile {
  readonly path: string;
  readonly text: string;
  readonly changes: number;
}

export interface WritebackPlan {
  readonly files: readonly ChangedFile[];
  /** Changes for which there is no file, in the language of the files. */
  readonly homeless: string;
  readonly warnings: readonly string[];
}

/** Files that were changed since they were read cannot be written: offsets in them mean something else now. */
export function planWriteback(request: WritebackRequest): WritebackPlan | string {
  return new Planner(request).run();
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Homeless {
  readonly scope: Scope;
  readonly setting: Setting;
}

class Planner {
  readonly #request: WritebackRequest;
  readonly #files: ConfigurationFiles;
  readonly #edits = new Map<LoadedFile, Edit[]>();
  readonly #homeless: Homeless[] = [];
  readonly #warnings: string[] = [];
  readonly #changesOnly: boolean;

  constructor(request: WritebackRequest) {
    this.#request = request;
    this.#files = request.files ?? diskFiles;
    this.#changesOnly = request.running.get('local_changes_only')?.value === true;
  }

  run(): WritebackPlan | string {
    const { running, stored } = this.#request;
    for (const scope of running.all())
      for (const setting of scope.settings.values())
        if (setting.raw.span.source.name === consoleName) this.#set(scope, setting);
    for (const scope of stored.all()) this.#unset(scope);
    const changed = [...this.#edits].map(([file, edits]) => this.#edited(file, edits));
    const stale = changed.find((each): each is string => typeof each === 'string');
    if (stale !== undefined) return stale;
    const home = this.#changesHome(changed as ChangedFile[]);
    if (typeof home === 'string') return home;
    return { ...home, warnings: this.#warnings };
  }

  #isWritable(file: LoadedFile): boolean {
    const { path } = file;
    return path !== undefined && !this.#request.loaded.readonly.has(file) && this.#files.isWritable(path);
  }

  #edit(file: LoadedFile, edit: Edit): void {
    this.#edits.set(file, [...(this.#edits.get(file) ?? []), edit]);
  }

  #set(scope: Scope, setting: Setting): void {
    const known = storedScope(this.#request.stored, scope);
    const last = known?.assigned(setting.schema.name).at(-1);
    const mayUse = (file: LoadedFile) =>
      this.#isWritable(file) && (!this.#changesOnly || file === this.#request.loaded.changes);
    if (last && mayUse(last.file)) {
      const { start, end } = last.statement.value.span;
      this.#edit(last.file, { start, end, text: printValue(setting.raw) });
      return;
    }
    const place = known?.places.find(({ file, endOrder }) => mayUse(file) && endOrder > (last?.order ?? -1));
    if (place) this.#edit(place.file, insertion(place, statementText(setting)));
    else this.#homeless.push({ scope, setting });
  }

  /** What is in the files of a scope and not in what runs. */
  #unset(scope: Scope): void {
    const now = storedScope(this.#request.running, scope);
    for (const [name, setting] of scope.settings) {
      if (now?.settings.has(name)) continue;
      for (const assigned of scope.assigned(name)) this.#remove(assigned, setting);
    }
    if (now === undefined && scope.parent !== undefined)
      this.#warnings.push(`${scopePath(scope)} is still declared: take it out of its file by hand`);
  }

  #remove({ file, statement }: Assigned, { schema }: Setting): void {
    if (!this.#isWritable(file)) {
      this.#warnings.push(
        `${canonicalName(schema.name)} stays set in ${file.source.name}, which is read-only`,
      );
      return;
    }
    const { source } = file;
    const span = source.span(statement.name.span.start, statement.value.span.end);
    this.#edit(file, { ...wholeLine(span), text: '' });
  }

  #edited(file: LoadedFile, edits: readonly Edit[]): ChangedFile | string {
    return this.#rewritten(file, applied(file.source.text, edits), edits.length);
  }

  #rewritten({ path = '', source }: LoadedFile, text: string, changes: number): ChangedFile | string {
    const bytes = this.#files.read(path);
    if (bytes === undefined || decodeText(bytes) !== source.text)
      return `'${path}' was changed since it was read: reload first, or write to another file`;
    const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? '\ufeff' : '';
    return { path, text: mark + text, changes };
  }

  /** Where changes go that no file has a place for. */
  #changesHome(files: readonly ChangedFile[]): Omit<WritebackPlan, 'warnings'> | string {
    if (this.#homeless.length === 0) return { files, homeless: '' };
    const { loaded, changesFile } = this.#request;
    const text = stanzasText(this.#homeless);
    const home = changesFile === undefined ? loaded.main : loaded.changes;
    if (home !== undefined) {
      if (!this.#isWritable(home)) return { files, homeless: text };
      const before = files.find(({ path }) => path === home.path);
      const source = before?.text ?? home.source.text;
      const whole = source + (source === '' || source.endsWith('\n') ? '' : '\n') + text;
      const count = this.#homeless.length + (before?.changes ?? 0);
      const file = this.#rewritten(home, whole.replace(/^\ufeff/, ''), count);
      if (typeof file === 'string') return file;
      return { files: [...files.filter((each) => each !== before), file], homeless: '' };
    }
    const file = { path: changesFile!, text, changes: this.#homeless.length };
    return { files: [...files, file], homeless: '' };
  }
}

/** The same scope in another tree. */
function storedScope(root: Scope, scope: Scope): Scope | undefined {
  const path: { kind: string; key: string }[] = [];
  for (let each = scope; each.parent !== undefined; each = each.parent)
    path.unshift({ kind: each.schema.name, key: each.key });
  return root.at(path);
}

function statementText({ schema, raw }: Setting): string {
  return `${canonicalName(schema.name)} = ${printValue(raw)}`;
}

/** At the end of a place, in the layout of what stands there. */
function insertion({ file, body }: Place, statement: string): Edit {
  const { text } = file.source;
  const { start, end } = body;
  const at = (position: number, inserted: string) => ({ start: position, end: position, text: inserted });
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  if (end === text.length)
    return at(end, `${text === '' || text.endsWith('\n') ? '' : lineEnd}${statement}${lineEnd}`);
  const lineStart = text.lastIndexOf('\n', end - 1) + 1;
  const indent = text.slice(lineStart, end);
  if (lineStart > start && indent.trim() === '') return at(lineStart, `${indent}  ${statement}${lineEnd}`);
  return at(end, `${/\s/.test(text[end - 1] ?? '') ? '' : ' '}${statement} `);
}

/** With its indentation and line end, when nothing else stands in its lines. */
function wholeLine({ source: { text }, start, end }: Span): { start: number; end: number } {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const next = text.indexOf('\n', end);
  const to = next < 0 ? text.length : next + 1;
  const isAlone = text.slice(from, start).trim() === '' && text.slice(end, to).trim() === '';
  return isAlone ? { start: from, end: to } : { start, end };
}

/** Several insertions at one place keep their order. */
function applied(text: string, edits: readonly Edit[]): string {
  let done = '';
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    done += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return done + text.slice(at);
}

/** Settings of one scope in one stanza. */
function stanzasText(homeless: readonly Homeless[]): string {
  const byScope = new Map<Scope, Setting[]>();
  for (const { scope, setting } of homeless) byScope.set(scope, [...(byScope.get(scope) ?? []), setting]);
  return [...byScope].map(([scope, settings]) => nested(scope, settings.map(statementText))).join('');
}

function nested(scope: Scope, statements: readonly string[]): string {
  let lines = [...statements];
  for (let each = scope; each.parent !== undefined; each = each.parent) {
    const head = `${canonicalName(each.schema.name)}${instanceText(each.schema, each.instance)} {`;
    lines = [head, ...lines.map((line) => `  ${line}`), '}'];
  }
  return lines.map((line) => `${line}\n`).join('');
}
