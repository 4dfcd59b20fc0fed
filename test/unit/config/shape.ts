/** A syntax tree without places and quotes, so that two of them can be compared; one line a statement. */
import type { Item, Value } from '../../../src/config/syntax-tree.ts';

/** With a stack, because nesting is unlimited. */
export function shapeOf(items: readonly Item[]): string[] {
  const lines: string[] = [];
  const open: Iterator<Item>[] = [items[Symbol.iterator]()];
  while (open.length > 0) {
    const next = open.at(-1)?.next();
    if (next === undefined || next.done === true) {
      open.pop();
      lines.push('end');
    } else if (next.value.kind === 'stanza') {
      lines.push(JSON.stringify([next.value.name.text, next.value.instance?.text ?? null]));
      open.push(next.value.items[Symbol.iterator]());
    } else if (next.value.kind === 'include') {
      lines.push(JSON.stringify(['include', next.value.readonly, next.value.target.text]));
    } else lines.push(JSON.stringify([next.value.name.text, '=', plainOf(next.value.value)]));
  }
  return lines;
}

function plainOf(value: Value): unknown {
  if (value.kind === 'scalar') return value.text;
  if (value.kind === 'list') return value.items.map(({ text }) => text);
  return { entries: value.entries.map(({ key, value: { text } }) => [key.text, text]) };
}
