/** What a decoder accepts must be a message: written again it reads the same. */

/** False: these bytes are none. */
export function examine<T>(
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => T | undefined,
  encode: (value: T) => Uint8Array,
): boolean {
  const value = decode(bytes);
  if (value === undefined) return false;
  const once = encode(value);
  if (once.length > bytes.length) throw new Error('more was read than was there');
  const again = decode(once);
  if (again === undefined || !Buffer.from(encode(again)).equals(Buffer.from(once)))
    throw new Error('it reads differently again');
  return true;
}
