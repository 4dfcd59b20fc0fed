/**
 * `ESMTP_Listener = ( 10.0.0.1:25,200 <duravip="enabled"> [ 0.0.0.0/0 = ( personality [ k = v ] continue ) ] )` of the
 * 2.2 language, as a scope with `Listen` and `Peer`.
 */
import { isScalar } from '../cursor.ts';
import { quoted } from '../print.ts';
import { beginsAttributes, readAttributes } from './attributes.ts';
import type { Problem, Walk } from './walk.ts';

/** `NAME = (` is at hand. What is not understood is a problem; the caller undoes then what was done. */
export function rewriteListener(walk: Walk): Problem | undefined {
  walk.takeOut(walk.peek(1));
  walk.put(walk.peek(2), '{');
  walk.advance(3);
  while (walk.peek().kind !== ')') {
    const problem = rewriteEndpoint(walk);
    if (problem !== undefined) return problem;
  }
  walk.put(walk.peek(), '}');
  walk.advance();
  return undefined;
}

/** The `Listen` that an endpoint of the 2.2 language is: `ADDRESS[,BACKLOG]`. Undefined when it is none. */
export function listenOf(
  endpoint: string,
): { readonly head: string; readonly options: string[] } | undefined {
  const [, address, backlog] = /^([^,<]+)(?:,(\d+))?$/.exec(endpoint) ?? [];
  if (address === undefined) return undefined;
  const options = backlog === undefined ? [] : [`Listen_Backlog = ${backlog}`];
  return { head: `Listen ${quoted(address)} {`, options };
}

function rewriteEndpoint(walk: Walk): Problem | undefined {
  walk.splitBefore('<');
  const token = walk.peek();
  const listen = isScalar(token) ? listenOf(token.text) : undefined;
  if (listen === undefined)
    return { token, text: 'an endpoint is expected here: ADDRESS:PORT or ADDRESS:PORT,BACKLOG' };
  walk.advance();
  const backlog = walk.peek();
  if (token.quote !== undefined && backlog.start === token.end && /^,\d+$/.test(backlog.text)) {
    listen.options.push(`Listen_Backlog = ${backlog.text.slice(1)}`);
    walk.takeOut(backlog);
    walk.advance();
  }
  const attributes = readAttributes(walk);
  if ('token' in attributes) return attributes;
  const options = [...listen.options, ...attributes].join('  ');
  if (walk.peek().kind !== '[') {
    walk.put(token, options === '' ? `${listen.head}}` : `${listen.head} ${options} }`);
    return undefined;
  }
  walk.put(token, [listen.head, options].join(' ').trimEnd());
  return rewritePeers(walk);
}

/** `[` is at hand. */
function rewritePeers(walk: Walk): Problem | undefined {
  walk.takeOut(walk.peek());
  walk.advance();
  while (walk.peek().kind !== ']') {
    const network = walk.peek();
    if (!isScalar(network) || walk.peek(1).kind !== '=' || walk.peek(2).kind !== '(')
      return { token: network, text: 'NETWORK = ( ... ) is expected here' };
    walk.put(network, `Peer ${quoted(network.text)}`);
    walk.takeOut(walk.peek(1));
    walk.put(walk.peek(2), '{');
    walk.advance(3);
    while (walk.peek().kind !== ')') {
      const problem = rewriteRule(walk);
      if (problem !== undefined) return problem;
    }
    walk.put(walk.peek(), '}');
    walk.advance();
  }
  walk.put(walk.peek(), '}');
  walk.advance();
  return undefined;
}

/**
 * `personality [ k = v ]` are options, `continue` is what happens anyway. Whatever else stands there decided who may
 * connect: to leave it out might let everybody in.
 */
function rewriteRule(walk: Walk): Problem | undefined {
  const token = walk.peek();
  const word = token.text.toLowerCase();
  if (token.kind === 'word' && word === 'continue') {
    walk.takeOut(token);
    walk.advance();
    return undefined;
  }
  if (token.kind !== 'word' || word !== 'personality' || walk.peek(1).kind !== '[')
    return { token, text: `'${token.text}' among the rules of a network has no known counterpart` };
  walk.takeOut(token);
  walk.takeOut(walk.peek(1));
  const opener = walk.peek(1);
  walk.advance(2);
  const closer = closerOf(walk);
  if (closer === undefined) return { token: opener, text: 'the options of a personality are expected here' };
  walk.outdent(opener, closer, walk.indentOf(token).length);
  while (walk.peek() !== closer) walk.advance();
  walk.takeOut(closer);
  walk.advance();
  return undefined;
}

/** The `]` behind pairs `k = v`; undefined when something else stands there. */
export function closerOf(walk: Walk) {
  for (let ahead = 0; ; ahead += 3) {
    const token = walk.peek(ahead);
    if (token.kind === ']') return token;
    const isPair = isScalar(token) && walk.peek(ahead + 1).kind === '=' && isScalar(walk.peek(ahead + 2));
    if (!isPair || beginsAttributes(walk, ahead)) return undefined;
  }
}
