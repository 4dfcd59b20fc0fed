/** Names of scopes: what one may be, and the one spelling by which two are compared (CONF-2, CONF-4). */
import { endpointKey, parseEndpoint, parsePrefix } from './address.ts';
import type { FindingCode } from './finding.ts';
import { looksLikeRegex, parseSlashedRegex } from './regex.ts';
import type { ScopeSchema } from './schema/option.ts';

export interface KeyProblem {
  readonly code: FindingCode;
  readonly problem: string;
}

/** The key of a name that is not empty, in a scope that has names. */
export function instanceKey(schema: ScopeSchema, text: string): string | KeyProblem {
  const refuse = (code: FindingCode, problem: string): KeyProblem => ({ code, problem });
  switch (schema.instanceType) {
    case 'plain':
      return text;
    case 'binding': {
      const problem = bindingNameProblem(schema.name, text);
      return problem === undefined ? text : refuse('CFG-2303', problem);
    }
    case 'domain': {
      if (!looksLikeRegex(text)) return text.toLowerCase();
      const regex = parseSlashedRegex(text);
      return typeof regex === 'string' ? refuse('CFG-2113', regex) : text;
    }
    case 'endpoint': {
      const endpoint = parseEndpoint(text, false);
      return typeof endpoint === 'string' ? refuse('CFG-2112', endpoint) : endpointKey(endpoint);
    }
    default: {
      const prefix = parsePrefix(text);
      if (typeof prefix !== 'string') return prefix.text;
      return refuse(schema.instanceType === 'network' ? 'CFG-2302' : 'CFG-2111', prefix);
    }
  }
}

/** The internal binding by which messages move between nodes. */
const reservedBindings = ['#mmove'];

function bindingNameProblem(kind: string, name: string): string | undefined {
  const article = `a ${kind} name`;
  if (looksLikeRegex(name)) return `regex not supported for a ${kind}`;
  if (/\s/.test(name)) return `${article} must not hold white space`;
  if (name.includes(':')) return `${article} must not hold ':'`;
  return reservedBindings.includes(name.toLowerCase()) ? `'${name}' is reserved` : undefined;
}
