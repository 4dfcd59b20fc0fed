/**
 * A syntax tree back to text, in the form of `config showrecurse`: two spaces a level, one statement a line, in file
 * order. Parsing the text again gives an equal tree (CONF-13.1).
 */
import type { Item, Scalar, Value } from './syntax-tree.ts';

export function printItems(items: readonly Item[]): string {
  const lines: string[] = [];
  // A stack instead of recursion: nesting is bounded by memory only.
  const open: Iterator<Item>[] = [items[Symbol.iterator]()];
  while (open.length > 0) {
    const indent = indentOf(open.length - 1);
    const next = open.at(-1)?.next();
    if (next === undefined || next.done === true) {
      open.pop();
      if (open.length > 0) lines.push(`${indentOf(open.length - 1)}}`);
    } else if (next.value.kind === 'stanza') {
      const { name, instance, items: inner } = next.value;
      lines.push(`${indent}${name.text}${instance === undefined ? '' : ` ${quoted(instance.text)}`} {`);
      open.push(inner[Symbol.iterator]());
    } else if (next.value.kind === 'include') {
      const keyword = next.value.readonly ? 'readonly_include' : 'include';
      lines.push(`${indent}${keyword} ${quoted(next.value.target.text)}`);
    } else lines.push(`${indent}${next.value.name.text} = ${printValue(next.value.value)}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Deep nesting is legal, and spaces for each level of it would be quadratic. */
function indentOf(level: number): string {
  return '  '.repeat(Math.min(level, 40));
}

export function printValue(value: Value): string {
  switch (value.kind) {
    case 'scalar':
      return printScalar(value);
    case 'list':
      return value.items.length === 0 ? '( )' : `( ${value.items.map(printScalar).join(' ')} )`;
    case 'dictionary': {
      const entries = value.entries.map(({ key, value }) => `${printScalar(key)} = ${printScalar(value)}`);
      return entries.length === 0 ? '[ ]' : `[ ${entries.join(' ')} ]`;
    }
  }
}

/** As typed where that is certain to read back as one word, else quoted. */
export function printScalar(scalar: Scalar): string {
  const isPlain = scalar.quote === undefined && /^[\w.:+*%@~$&|!?-]+$/.test(scalar.text);
  return isPlain ? scalar.text : quoted(scalar.text);
}

/** Any text as a double-quoted string. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('\r', '\\r')}"`;
}
