/** Built-in defaults: written in the schema as one would write them in a file, read by the same code. */
import { Findings } from './finding.ts';
import { parseSource } from './parser.ts';
import type { OptionSchema } from './schema/option.ts';
import { Source } from './source.ts';
import { readValue, type SettingValue } from './values.ts';

const known = new Map<string, SettingValue>();

/** Undefined when there is none. A default that does not fit its type is a defect of the schema. */
export function defaultOf(option: OptionSchema, text = option.default): SettingValue | undefined {
  if (text === undefined) return undefined;
  const source = `${option.name} = ${text}`;
  const value = known.get(`${option.type.kind} ${source}`) ?? read(option, source);
  known.set(`${option.type.kind} ${source}`, value);
  return value;
}

function read(option: OptionSchema, text: string): SettingValue {
  const findings = new Findings();
  const [item] = parseSource(new Source('default', text), findings, { strict: false });
  const value = item?.kind === 'assignment' ? readValue(option.type, item.value, findings) : undefined;
  if (value === undefined || findings.hasErrors)
    throw new Error(`this default does not fit its type: ${text}`);
  return value;
}
