/** What two nodes say to each other about a message that moves: one line of JSON each, on a stream between them. */
import type { Socket } from 'node:net';
import { isMoveKey, type Message, messageOf, moveKey } from './message.ts';

export type Words =
  /** I have this message; hold it for me. */
  | { readonly say: 'offer'; readonly message: Message; readonly body: string }
  | { readonly say: 'refused'; readonly key: string; readonly reason: string }
  | { readonly say: (typeof plainWords)[number]; readonly key: string };

const plainWords = [
  /** It is on my disk, and not mine. */
  'held',
  /** I have let go of it: it is yours. */
  'yours',
  /** I know that it is mine. */
  'done',
  /** I hold this of you: whose is it? */
  'ask',
  /** I kept it: drop it. */
  'mine',
  /** I am just offering it to you: ask later. */
  'busy',
] as const;

/** Of a line: the longest message, in base64, with what is said about it. */
const mostLineBytes = 4 * 2 ** 20;
export const mostBodyBytes = 2 ** 20;

export class Conversation {
  readonly #socket: Socket;
  readonly #lines: AsyncGenerator<string>;

  constructor(socket: Socket) {
    this.#socket = socket.setEncoding('utf8');
    this.#lines = linesOf(socket);
  }

  say(words: Words): void {
    this.#socket.write(`${JSON.stringify(words)}\n`);
  }

  /** Undefined: the other end says no more, or something that cannot be understood. */
  async hear(): Promise<Words | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : wordsOf(value);
  }

  end(): void {
    this.#socket.end().resume();
  }
}

export function wordsOf(line: string): Words | undefined {
  let said: Record<string, unknown>;
  try {
    said = Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { say, key, reason, body } = said;
  const message = messageOf(said.message);
  if (say === 'offer' && message && typeof body === 'string') return { say, message, body };
  if (!isMoveKey(key)) return undefined;
  if (say === 'refused') return { say, key, reason: String(reason) };
  const plain = plainWords.find((word) => word === say);
  return plain && { say: plain, key };
}

export function keyOf(words: Words): string {
  return words.say === 'offer' ? moveKey(words.message) : words.key;
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    rest += chunk as string;
    if (rest.length > mostLineBytes) throw new Error('a line is too long');
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
