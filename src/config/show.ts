/**
 * Scopes of the running configuration as a console shows them (CONF-10): names in one spelling, values as they were typed,
 * in file order. With everything expanded, and secrets written, the text reads back as the same configuration.
 */
import { instanceText } from './change.ts';
import { printScalar, printValue } from './print.ts';
import type { OptionSchema } from './schema/option.ts';
import type { Scope, Setting } from './scope-tree.ts';
import { shownValue } from './shown-value.ts';
import type { Value } from './syntax-tree.ts';

const step = '  ';

export type Secrets = 'hidden' | 'written';

/** `message_expiration` is `Message_Expiration`, `ESMTP_Listener` is `Esmtp_Listener`. */
export function canonicalName(name: string): string {
  return name
    .split('_')
    .map(
      (word) =>
        `${word.slice(0, 1).toUpperCase()}${isCapitals(word) ? word.slice(1).toLowerCase() : word.slice(1)}`,
    )
    .join('_');
}

function isCapitals(word: string): boolean {
  return word === word.toUpperCase();
}

/** What is in a scope: scopes first, folded, then options. */
export function showScope(scope: Scope): string {
  const children = scope.children().map((child) => `${headOf(child)} { ... }\n`);
  const settings = [...scope.settings.values()].map((setting) => settingText(setting, '', 'hidden'));
  return [...children, ...settings].join('');
}

/** The same, unfolded. Scopes are as deep as the schema, so recursion is bounded. */
export function showAll(scope: Scope, secrets: Secrets = 'hidden', indent = ''): string {
  const children = scope
    .children()
    .map((child) => `${indent}${headOf(child)} {\n${showAll(child, secrets, indent + step)}${indent}}\n`);
  const settings = [...scope.settings.values()].map((setting) => settingText(setting, indent, secrets));
  return [...children, ...settings].join('');
}

/** `Listen ":25"` */
export function headOf({ schema, instance }: Pick<Scope, 'schema' | 'instance'>): string {
  return `${canonicalName(schema.name)}${instanceText(schema, instance)}`;
}

function settingText({ schema, raw }: Setting, indent: string, secrets: Secrets): string {
  return optionText(schema, raw, { indent, closing: indent, secrets });
}

/** What `set` answers: its samples put the bracket of a list two columns in. */
export function echoText(option: OptionSchema, raw: Value): string {
  return optionText(option, raw, { indent: '', closing: step, secrets: 'hidden' });
}

interface Layout {
  readonly indent: string;
  /** Before the bracket that ends a list. */
  readonly closing: string;
  readonly secrets: Secrets;
}

/** `Name = value`, with a line for each part of a list. */
function optionText(option: OptionSchema, typed: Value, { indent, closing, secrets }: Layout): string {
  const head = `${indent}${canonicalName(option.name)} = `;
  const raw = secrets === 'hidden' ? shownValue(option, typed) : typed;
  if (raw.kind === 'scalar') return `${head}${printScalar(raw)}\n`;
  const parts =
    raw.kind === 'list'
      ? raw.items.map(printScalar)
      : raw.entries.map(({ key, value }) => `${printScalar(key)} = ${printScalar(value)}`);
  if (parts.length === 0) return `${head}${printValue(raw)}\n`;
  const lines = parts.map((part) => `${indent}${step}${step}${part}\n`);
  const [open, close] = raw.kind === 'list' ? '()' : '[]';
  return `${head}${open}\n${lines.join('')}${closing}${close}\n`;
}

/** An option of a scope that stands within another is printed further in (CONF-10). */
const innerIndent = ' '.repeat(8);

export function valueLine(option: OptionSchema, raw: Value, isInner: boolean): string {
  const indent = isInner ? innerIndent : '';
  return optionText(option, raw, { indent, closing: indent, secrets: 'hidden' });
}

export function indentedValue(option: OptionSchema, raw: Value): string {
  return valueLine(option, raw, true);
}

/** `Esmtp_Listener::Listen:\:25:` (CONF-10). */
export function scopePath(scope: Scope): string {
  if (scope.parent === undefined) return '';
  const own = `${canonicalName(scope.schema.name)}:${scope.instance.replaceAll(':', '\\:')}:`;
  return `${scopePath(scope.parent)}${own}`;
}
