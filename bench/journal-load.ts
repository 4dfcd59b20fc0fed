/** The records of the journal benchmark, and writers each of which waits until its record is kept. */

export interface Load {
  readonly payloadBytes: number;
  readonly records: number;
  /** Of these each is waited for by its writer. */
  readonly durable: number;
}

export const writers = 500;

export async function waitingWriters(
  { payloadBytes, durable }: Load,
  fill: string,
  append: (payload: Uint8Array) => Promise<unknown>,
): Promise<{ rate: number; latenciesMs: Float64Array }> {
  const payload = Buffer.alloc(payloadBytes, fill);
  const latenciesMs = new Float64Array(durable);
  let next = 0;
  const beganMs = performance.now();
  const write = async (): Promise<void> => {
    while (next < durable) {
      const index = next++;
      const startedMs = performance.now();
      await append(payload);
      latenciesMs[index] = performance.now() - startedMs;
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const rate = (durable * 1000) / (performance.now() - beganMs);
  return { rate, latenciesMs: latenciesMs.sort() };
}
