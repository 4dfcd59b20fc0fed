/**
 * Reads a configuration with everything it includes (CONF-6.2, 6.3).
 *
 * Invariants: each file is read and parsed once however often it is included; the includes form a graph without
 * cycles, at most 32 deep and, with each file counted as often as it is reached, at most 1000 inclusions and 64 MiB, so
 * that walking the configuration is bounded too: a file that includes another twice doubles at each level.
 */
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigurationFiles } from './files.ts';
import type { Findings } from './finding.ts';
import { parseSource } from './parser.ts';
import { candidatesOf } from './search-path.ts';
import { decodeText, Source, type Span } from './source.ts';
import type { Include, Item } from './syntax-tree.ts';

export const maxIncludeDepth = 32;
const maxInclusions = 1000;
export const maxFileBytes = 16 * 1024 * 1024;
const maxCharacters = 64 * 1024 * 1024;

export interface LoadedFile {
  readonly source: Source;
  readonly items: readonly Item[];
  /** Absolute; undefined for text without a file. */
  readonly path: string | undefined;
}

export interface LoadedConfiguration {
  readonly main: LoadedFile;
  /** In reading order, the main file first. */
  readonly files: readonly LoadedFile[];
  /** What each include statement brings in, in order. */
  readonly included: ReadonlyMap<Include, readonly LoadedFile[]>;
  /** The file of console changes, which counts after everything else. */
  readonly changes: LoadedFile | undefined;
  /** What console changes are never written to: named by `readonly_include`, or included more than once (CONF-6.3). */
  readonly readonly: ReadonlySet<LoadedFile>;
}

/** A file, or text that has none and is called `name` in findings. */
export type Main = { readonly path: string } | { readonly text: string; readonly name: string };

export interface LoadContext {
  readonly files: ConfigurationFiles;
  readonly searchPath: readonly string[];
  readonly findings: Findings;
  readonly strict: boolean;
  /** File of console changes; it need not exist. */
  readonly changesFile?: string | undefined;
}

/** Undefined when the main file does not exist. */
export function loadConfiguration(main: Main, context: LoadContext): LoadedConfiguration | undefined {
  return new Loader(context).run(main);
}

/** The items of a scope with includes replaced by what they bring in. */
export function* itemsOf(
  items: readonly Item[],
  loaded: LoadedConfiguration,
): Generator<Exclude<Item, Include>> {
  for (const item of items) {
    if (item.kind !== 'include') yield item;
    else for (const file of loaded.included.get(item) ?? []) yield* itemsOf(file.items, loaded);
  }
}

/** A file while it is being loaded: how deep and how many its inclusions are, and how long the text with them. */
interface Node extends LoadedFile {
  height: number;
  inclusions: number;
  characters: number;
}

class Loader {
  readonly #context: LoadContext;
  readonly #loaded = new Map<string, Node>();
  readonly #included = new Map<Include, readonly LoadedFile[]>();
  readonly #files: LoadedFile[] = [];
  #exhausted = false;

  constructor(context: LoadContext) {
    this.#context = context;
  }

  run(main: Main): LoadedConfiguration | undefined {
    const file =
      'text' in main ? this.#parse(main.name, main.text, undefined, undefined) : this.#main(main.path);
    if (file === undefined) return undefined;
    this.#resolveIncludes(file, []);
    const changes = this.#changes();
    const loaded = { main: file, files: this.#files, included: this.#included, changes };
    return { ...loaded, readonly: readonlyFiles(file, this.#included) };
  }

  #changes(): Node | undefined {
    const { changesFile: path, files, findings } = this.#context;
    // One that is part of the configuration is refused by its check (CFG-2201).
    if (path === undefined || this.#loaded.has(resolve(path)) || files.facts(path).kind === 'none')
      return undefined;
    const { text, problem } = this.#read(path);
    const file = this.#parse(path, text, path, undefined);
    if (problem !== undefined)
      findings.add('CFG-1201', file.source.span(0, 0), `failed to read '${path}': ${problem}`);
    this.#resolveIncludes(file, []);
    return file;
  }

  /** Named without a directory and not here, the main file is looked for along the search path. */
  #main(name: string): Node | undefined {
    const { files, searchPath, findings } = this.#context;
    const isHere = files.facts(name).kind !== 'none';
    const searched = isHere || basename(name) !== name ? [name] : candidatesOf(name, searchPath, files);
    const path = searched[0];
    if (path === undefined || files.facts(path).kind === 'none') return undefined;
    const { text, problem } = this.#read(path);
    const file = this.#parse(path, text, path, undefined);
    const place = file.source.span(0, 0);
    if (problem !== undefined) findings.add('CFG-1201', place, `failed to read '${path}': ${problem}`);
    this.#reportShadowed(path, place);
    return file;
  }

  #reportShadowed(path: string, place: Span): void {
    const { files, searchPath, findings } = this.#context;
    if (!searchPath.some((directory) => resolve(directory) === dirname(resolve(path)))) return;
    const copies = candidatesOf(basename(path), searchPath, files);
    const rank = copies.findIndex((copy) => resolve(copy) === resolve(path));
    copies.forEach((copy, index) => {
      if (index < rank) findings.add('CFG-1205', place, `'${path}' is shadowed by '${copy}'`);
      if (index > rank) findings.add('CFG-1205', place, `'${path}' shadows '${copy}'`);
    });
  }

  #read(path: string): { readonly text: string; readonly problem?: string } {
    const { files } = this.#context;
    const facts = files.facts(path);
    if (facts.kind === 'none') return { text: '', problem: facts.reason };
    if (facts.kind === 'directory') return { text: '', problem: 'is a directory' };
    if (facts.sizeBytes > maxFileBytes) return { text: '', problem: `is larger than ${maxFileBytes} bytes` };
    const bytes = files.read(path);
    return bytes === undefined ? { text: '', problem: 'permission denied' } : { text: decodeText(bytes) };
  }

  #parse(name: string, text: string, path: string | undefined, from: Span | undefined): Node {
    const { findings, strict } = this.#context;
    const source = new Source(name, text, this.#files.length, from);
    const items = parseSource(source, findings, { strict });
    const absolute = path === undefined ? undefined : resolve(path);
    const file = { source, items, path: absolute, height: 0, inclusions: 0, characters: text.length };
    if (file.path !== undefined) this.#loaded.set(file.path, file);
    this.#files.push(file);
    return file;
  }

  /** `chain` holds the files from the main one to the one that includes `file`. */
  #resolveIncludes(file: Node, chain: readonly Node[]): void {
    const here = [...chain, file];
    for (const include of includesOf(file.items)) {
      const included: LoadedFile[] = [];
      for (const path of this.#pathsOf(include, file)) {
        const child = this.#child(path, include, here);
        if (child !== undefined && this.#fits(child, include, here)) included.push(child);
      }
      this.#included.set(include, included);
    }
  }

  #child(path: string, include: Include, chain: readonly Node[]): Node | undefined {
    if (this.#exhausted) return undefined;
    const { findings } = this.#context;
    const known = this.#loaded.get(resolve(path));
    if (known !== undefined && chain.includes(known)) {
      const files = [...chain.slice(chain.indexOf(known)), known].map((file) => file.source.name);
      findings.add('CFG-1203', include.span, `include cycle: ${files.join(' -> ')}`);
      return undefined;
    }
    if (known !== undefined) return known;
    const { text, problem } = this.#read(path);
    if (problem !== undefined) {
      findings.add('CFG-1201', include.target.span, `failed to stat '${path}': ${problem}`);
      return undefined;
    }
    const file = this.#parse(path, text, path, include.span);
    if (chain.length < maxIncludeDepth) this.#resolveIncludes(file, chain);
    else if (includesOf(file.items).length > 0) file.height = 1;
    return file;
  }

  /** Keeps the bounds. */
  #fits(child: Node, include: Include, chain: readonly Node[]): boolean {
    if (this.#exhausted) return false;
    const { findings } = this.#context;
    const parent = chain.at(-1) as Node;
    if (chain.length + child.height > maxIncludeDepth) {
      findings.add('CFG-1203', include.span, `includes are nested deeper than ${maxIncludeDepth}`);
      return false;
    }
    parent.inclusions += child.inclusions + 1;
    parent.characters += child.characters;
    if (parent.inclusions > maxInclusions || parent.characters > maxCharacters) {
      this.#exhausted = true;
      const bounds = `${maxInclusions} files or ${maxCharacters} characters`;
      findings.add('CFG-1203', include.span, `more than ${bounds} are included`);
      return false;
    }
    parent.height = Math.max(parent.height, child.height + 1);
    return true;
  }

  /** The files an include statement names: one, or those of a directory. */
  #pathsOf(include: Include, from: LoadedFile): string[] {
    const { files, findings } = this.#context;
    const target = include.target.text;
    const path = this.#locate(include, from);
    if (path === undefined) return [];
    const facts = files.facts(path);
    if (facts.kind === 'file') return [path];
    if (facts.kind === 'none') {
      findings.add('CFG-1201', include.target.span, `failed to stat '${target}': ${facts.reason}`);
      return [];
    }
    return filesIn(path, files);
  }

  /** Relative names are looked for beside the including file first, then along the search path. */
  #locate(include: Include, from: LoadedFile): string | undefined {
    const { files, findings, searchPath } = this.#context;
    const { text: target, span } = include.target;
    const uri = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target);
    if (uri !== null) {
      const path = uri[1]?.toLowerCase() === 'file' ? pathOfFileUri(target) : undefined;
      if (path === undefined) {
        findings.add('CFG-1201', span, `unknown I/O scheme in include '${target}'`, {
          hint: 'name a path or file:///path',
        });
      }
      return path;
    }
    if (target === '') {
      findings.add('CFG-1201', span, "failed to stat '': the name of a file is missing");
      return undefined;
    }
    if (isAbsolute(target)) return target;
    const beside = from.path === undefined ? [] : [dirname(from.source.name)];
    const directories = [...beside, ...searchPath];
    const candidates = candidatesOf(target, directories, files);
    const [first, ...others] = candidates;
    if (first === undefined) {
      const searched = directories.length === 0 ? '' : ` in ${directories.join(', ')}`;
      findings.add('CFG-1201', span, `failed to stat '${target}': no such file or directory${searched}`);
    }
    const shadowed = others.filter((other) => resolve(other) !== resolve(first ?? ''));
    if (shadowed.length > 0) {
      const list = shadowed.map((path) => `'${path}'`).join(', ');
      findings.add('CFG-1204', span, `include '${target}' takes '${first}', but there is also ${list}`);
    }
    return first;
  }
}

/** The loader has bounded how many inclusions there are. */
function readonlyFiles(
  main: LoadedFile,
  included: ReadonlyMap<Include, readonly LoadedFile[]>,
): ReadonlySet<LoadedFile> {
  const found = new Set<LoadedFile>();
  const seen = new Set<LoadedFile>();
  const open = [main];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const include of includesOf(file.items)) {
      for (const child of included.get(include) ?? []) {
        if (include.readonly || seen.has(child)) found.add(child);
        seen.add(child);
        open.push(child);
      }
    }
  }
  return found;
}

/** All include statements below, at any depth; with a stack, because nesting is bounded by memory only. */
function includesOf(items: readonly Item[]): Include[] {
  const found: Include[] = [];
  const open: (readonly Item[])[] = [items];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const item of next) {
      if (item.kind === 'include') found.push(item);
      else if (item.kind === 'stanza') open.push(item.items);
    }
  }
  return found.sort((a, b) => a.span.start - b.span.start);
}

/** What including a directory includes (CONF-6.2). */
export function filesIn(directory: string, files: ConfigurationFiles): string[] {
  const names = files.list(directory).filter((name) => !name.startsWith('.'));
  const inByteOrder = names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return inByteOrder
    .map((name) => join(directory, name))
    .filter((member) => files.facts(member).kind === 'file');
}

export function pathOfFileUri(uri: string): string | undefined {
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}
