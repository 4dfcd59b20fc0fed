/** A message as the queue keeps it and as it travels from node to node; its bytes are beside it. */
export interface Message {
  /** Given where it came in, and kept wherever it goes: a random UUID. */
  readonly id: string;
  /** Bindings that it may leave by, and the one of them that it waits for. */
  readonly group: string;
  readonly binding: string;
  /** How often it was moved. */
  readonly hops: number;
  /** How often its delivery has failed. */
  readonly attempts: number;
  /** By the wall clock, because it means the same on all nodes. */
  readonly expiresAtMs: number;
  readonly from: string;
  readonly to: readonly string[];
}

/** One move of one message: a later move of the same message is another one. */
export function moveKey({ id, hops }: Message): string {
  return `${id}.${hops}`;
}

/** Keys become names of files. */
export function isMoveKey(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f-]{36}\.\d{1,2}$/.test(text);
}

/** Undefined: not a message. */
export function messageOf(value: unknown): Message | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, group, binding, hops, attempts, expiresAtMs, from, to } = value as Record<string, unknown>;
  const texts = [id, group, binding, from, ...(Array.isArray(to) ? to : [undefined])];
  const numbers = [hops, attempts, expiresAtMs];
  if (!texts.every((text) => typeof text === 'string') || !numbers.every(Number.isSafeInteger))
    return undefined;
  const message = { id, group, binding, hops, attempts, expiresAtMs, from, to } as Message;
  return isMoveKey(moveKey(message)) ? message : undefined;
}
