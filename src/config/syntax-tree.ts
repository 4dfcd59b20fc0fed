/**
 * What the parser understands of a file, before anything is known about names and types. Every piece keeps its place.
 */
import type { Quote } from './lexer.ts';
import type { Span } from './source.ts';

export interface Scalar {
  readonly kind: 'scalar';
  readonly text: string;
  /** Undefined for a bare word. Quoting never changes the meaning of a value (CONF-4). */
  readonly quote: Quote | undefined;
  readonly span: Span;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly Scalar[];
  readonly span: Span;
}

export interface Entry {
  readonly key: Scalar;
  readonly value: Scalar;
}

export interface Dictionary {
  readonly kind: 'dictionary';
  readonly entries: readonly Entry[];
  readonly span: Span;
}

export type Value = Scalar | List | Dictionary;

export interface Name {
  /** As typed; names are compared without case. */
  readonly text: string;
  readonly span: Span;
}

/** `name = value` */
export interface Assignment {
  readonly kind: 'assignment';
  readonly name: Name;
  readonly value: Value;
}

/** `name instance { ... }` */
export interface Stanza {
  readonly kind: 'stanza';
  readonly name: Name;
  readonly instance: Scalar | undefined;
  readonly items: readonly Item[];
  /** Between the braces; undefined for what was written in another form than a stanza. */
  readonly body: Span | undefined;
}

/** `include "file"` and `readonly_include "file"`: the file's items continue the scope they stand in. */
export interface Include {
  readonly kind: 'include';
  readonly readonly: boolean;
  readonly target: Scalar;
  readonly span: Span;
}

export type Item = Assignment | Stanza | Include;
