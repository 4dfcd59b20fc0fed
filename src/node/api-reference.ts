/** `docs/reference/api.md`, from the table of verbs. */
import type { Fields } from './api-fields.ts';
import { apiVerbs } from './api-verbs.ts';

export function renderApiReference(): string {
  const sections = Object.entries(apiVerbs).map(
    ([name, { help, fields, answer }]) => `
## \`${name}\`

${help}.
${tableOf(fields)}
Answer: ${answer === '' ? 'nothing besides `ok`' : answer}.
`,
  );
  return `# Verbs of the API over NATS

Requests on \`<cluster_group>.api.<nodename>.<verb>\`, a JSON object each; see [the guide](../guides/api-nats.md). Generated
from the source; do not edit.
${sections.join('')}`;
}

function tableOf(fields: Fields): string {
  const rows = Object.entries(fields).map(([name, { type, initial }]) => {
    const value = initial?.value === undefined ? '' : `\`${JSON.stringify(initial.value)}\``;
    return `| \`${name}\` | ${type} | ${initial ? value || 'none' : 'needed'} |\n`;
  });
  return rows.length === 0 ? '' : `\n| field | value | when left out |\n|---|---|---|\n${rows.join('')}`;
}
