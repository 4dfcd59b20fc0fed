/** Where a logger writes: a path, or a URI of the I/O layer with subscribers and parameters (logging 2). */
import { facilityProblem, priorityProblem } from './syslog-words.ts';

export const destinationSchemes = ['file', 'jlog', 'cluster', 'pipe', 'syslog', 'persist', 'null'] as const;
export type DestinationScheme = (typeof destinationSchemes)[number];

export interface Destination {
  readonly scheme: DestinationScheme;
  readonly path: string;
  /** Of journals: who reads them. Both ways of naming one are joined. */
  readonly subscribers: readonly string[];
  readonly parameters: ReadonlyMap<string, string>;
}

export function isJournal(destination: Destination): boolean {
  return destination.scheme === 'jlog' || destination.scheme === 'cluster';
}

/** Returns what is wrong with it as text. Of a pattern, what stands behind `%` is left as it is (logging 10.3). */
export function parseDestination(
  text: string,
  { isPattern }: { readonly isPattern?: boolean } = {},
): Destination | string {
  const uri = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([\s\S]*)$/.exec(text);
  if (uri === null) {
    if (text === '') return 'the path is empty';
    return { scheme: 'file', path: text, subscribers: [], parameters: new Map() };
  }
  const scheme = destinationSchemes.find((known) => known === uri[1]?.toLowerCase());
  if (scheme === undefined)
    return `unknown I/O scheme '${uri[1]}' (known are ${destinationSchemes.join(', ')})`;
  const [beforeQuery = '', ...queries] = (uri[2] ?? '').split('?');
  const [path = '', arrow = ''] = beforeQuery.split('=>', 2);
  const parameters = parametersOf(queries.join('?'), isPattern ? decodePattern : decodeURIComponent);
  if (typeof parameters === 'string') return parameters;
  const listed = `${arrow},${parameters.get('subscribers') ?? ''}`.split(',');
  const subscribers = [...new Set(listed.map((name) => name.trim()).filter((name) => name !== ''))];
  const destination = { scheme, path, subscribers, parameters };
  return journalProblem(destination) ?? parameterProblem(destination, isPattern) ?? destination;
}

function parametersOf(query: string, decode: (text: string) => string): Map<string, string> | string {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const [key = '', ...values] = pair.split('=');
    try {
      parameters.set(key, decode(values.join('=')));
    } catch {
      return `'${pair}' is not percent-encoded correctly`;
    }
  }
  return parameters;
}

/** No item of a pattern begins with a digit, so `%20` can be nothing but a blank. */
function decodePattern(value: string): string {
  return value.replace(/%([0-7][0-9A-Fa-f])/g, (_, code: string) => {
    const character = String.fromCharCode(Number.parseInt(code, 16));
    return character === '%' ? '%%' : character;
  });
}

function journalProblem(destination: Destination): string | undefined {
  if (!isJournal(destination)) return undefined;
  const { path, parameters } = destination;
  const unknown = [...parameters.keys()].filter((key) => key !== 'subscribers' && key !== 'when');
  if (unknown.length > 0) return `unsupported options ${unknown.join(', ')} on ${path}`;
  const when = parameters.get('when') ?? 'begin';
  if (when !== 'begin' && when !== 'end') return `Malformed when parameter ${when} (begin or end)`;
  return path.startsWith('/')
    ? undefined
    : `the journal path '${path}' is relative (an absolute one needs three slashes: ${destination.scheme}:///${path})`;
}

const pipeParameters = /^(?:(?:arg|env)\d{1,4}|clear_env|reinvoke|shutdown_on_failure)$/;

/** Of the other schemes; what a pattern holds is known only when it is filled. */
function parameterProblem({ scheme, path, parameters }: Destination, isPattern = false): string | undefined {
  const known: Partial<Record<DestinationScheme, RegExp>> = {
    pipe: pipeParameters,
    syslog: /^(?:facility|priority)$/,
  };
  if (scheme !== 'jlog' && scheme !== 'cluster' && scheme !== 'persist') {
    const unknown = [...parameters.keys()].filter((name) => !known[scheme]?.test(name));
    if (unknown.length > 0) return `unsupported options ${unknown.join(', ')} on ${path}`;
  }
  if (scheme === 'pipe' && !path.startsWith('/'))
    return `the program '${path}' of a pipe is no absolute path`;
  if (scheme !== 'syslog' || isPattern) return undefined;
  const { facility = 'mail', priority = 'error' } = Object.fromEntries(parameters);
  return facilityProblem(facility) ?? priorityProblem(priority);
}
