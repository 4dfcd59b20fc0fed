/** Values of options as they are shown: without a secret, and without the passwords that an address may hold. */
import { hidden, withoutCredentials } from '../core/secrets.ts';
import type { OptionSchema, OptionType } from './schema/option.ts';
import type { Scalar, Value } from './syntax-tree.ts';

export function shownValue(option: OptionSchema, value: Value): Value {
  if (option.isSecret) return { kind: 'scalar', text: hidden, quote: '"', span: value.span };
  const shown = (scalar: Scalar): Scalar => ({ ...scalar, text: shownText(option, scalar.text) });
  if (value.kind === 'scalar') return shown(value);
  if (value.kind === 'list') return { ...value, items: value.items.map(shown) };
  const entries = value.entries.map(({ key, value: each }) => ({ key, value: shown(each) }));
  return { ...value, entries };
}

/** Of a value in configuration syntax, or of a part of one. */
export function shownText({ type, isSecret }: OptionSchema, text: string): string {
  if (isSecret) return `"${hidden}"`;
  const kind = kindOf(type);
  return holdsCredentials.has(kind) ? withoutCredentials(text, { tokens: kind === 'server' }) : text;
}

/** The others name no place where one has to say who one is; an expression of a Role is not to be touched. */
const holdsCredentials: ReadonlySet<OptionType['kind']> = new Set([
  'server',
  'datasource',
  'destination',
  'any',
]);

function kindOf(type: OptionType): OptionType['kind'] {
  return type.kind === 'list' || type.kind === 'dictionary' ? kindOf(type.of) : type.kind;
}
