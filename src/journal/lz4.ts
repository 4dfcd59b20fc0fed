/**
 * Raw LZ4 blocks, as jlog records hold them. The library puts the length before a block; the record header has it
 * already, so it is taken off and put back here.
 */

export interface BlockCompressor {
  compress(bytes: Uint8Array): Uint8Array;
  /** Undefined: the block is not one of `length` bytes. */
  expand(block: Uint8Array, length: number): Buffer | undefined;
}

/** No block grows by more than this when it is expanded: a larger claim is damage, and would only fill the memory. */
const largestRatio = 255;

/** Loaded with the first compressed journal: nobody else pays for it. */
export async function loadLz4(): Promise<BlockCompressor> {
  const { compressSync, uncompressSync } = await import('lz4-napi');
  return {
    compress: (bytes) => compressSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).subarray(4),
    expand(block, length) {
      if (length > block.length * largestRatio) return undefined;
      const prefixed = Buffer.allocUnsafe(4 + block.length);
      prefixed.writeUInt32LE(length);
      prefixed.set(block, 4);
      try {
        const bytes = uncompressSync(prefixed);
        return bytes.length === length ? bytes : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
