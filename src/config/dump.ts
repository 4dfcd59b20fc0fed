/**
 * The configuration as programs read it (CONF-9.2): all files in one, each scope once, with what is set in it. Defaults are in
 * the reference; what has no effect here is in neither. Dumps are mailed around and kept: passwords are in them only where
 * they are asked for.
 */
import type { Scope } from './scope-tree.ts';
import { canonicalName, type Secrets } from './show.ts';
import { shownValue } from './shown-value.ts';
import type { Value } from './syntax-tree.ts';

export interface DumpedScope {
  readonly name: string;
  readonly instance: string | null;
  /** As typed, by the canonical name. */
  readonly options: Readonly<Record<string, string | readonly string[] | Readonly<Record<string, string>>>>;
  readonly scopes: readonly DumpedScope[];
}

export function dumpedScope(scope: Scope, secrets: Secrets = 'hidden'): DumpedScope {
  const { schema, instance, settings } = scope;
  const options = [...settings.values()].map(({ schema: option, raw }) => [
    canonicalName(option.name),
    plain(secrets === 'hidden' ? shownValue(option, raw) : raw),
  ]);
  return {
    name: scope.parent === undefined ? 'Global' : canonicalName(schema.name),
    instance: schema.instance === 'none' ? null : instance,
    options: Object.fromEntries(options),
    scopes: scope.children().map((child) => dumpedScope(child, secrets)),
  };
}

function plain(value: Value): DumpedScope['options'][string] {
  if (value.kind === 'scalar') return value.text;
  if (value.kind === 'list') return value.items.map(({ text }) => text);
  return Object.fromEntries(value.entries.map(({ key, value: { text } }) => [key.text, text]));
}

export function dumpedXml(scope: Scope, secrets: Secrets = 'hidden'): string {
  const dumped = dumpedScope(scope, secrets);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${lines(dumped, '').join('\n')}\n`;
}

function lines({ name, instance, options, scopes }: DumpedScope, indent: string): string[] {
  const attributes = ` name="${escaped(name)}"${instance === null ? '' : ` instance="${escaped(instance)}"`}`;
  const inner = `${indent}  `;
  return [
    `${indent}<scope${attributes}>`,
    ...Object.entries(options).map(([option, value]) => `${inner}${optionXml(option, value)}`),
    ...scopes.flatMap((child) => lines(child, inner)),
    `${indent}</scope>`,
  ];
}

function optionXml(name: string, value: DumpedScope['options'][string]): string {
  const content =
    typeof value === 'string'
      ? escaped(value)
      : Array.isArray(value)
        ? value.map((item) => `<item>${escaped(String(item))}</item>`).join('')
        : Object.entries(value)
            .map(([key, each]) => `<entry key="${escaped(key)}">${escaped(String(each))}</entry>`)
            .join('');
  return `<option name="${escaped(name)}">${content}</option>`;
}

/** Line feeds would be blanks in an attribute; what XML has no character for is replaced. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"\n\r\t]/g, (char) => `&#${char.charCodeAt(0)};`);
}
