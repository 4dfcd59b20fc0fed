/**
 * How every binary message begins: a byte for the version of its format, and one for its kind. The rest is the codecs'
 * matter.
 *
 * While a fleet is upgraded, processes of two releases talk to each other. What a later one adds stands behind the fields
 * that are known, and is ignored. What cannot be said so has another kind or another version, and who does not know that one
 * drops it: it is told from a malformed message, because an operator has to do something else about it.
 */

export interface MessageFormat {
  readonly version: number;
  knowsKind(kind: number): boolean;
}

const headerBytes = 2;

/** Says for the log why this release cannot read it, however whole it is; undefined: it should be able to. */
export function unknownFormat(bytes: Uint8Array, { version, knowsKind }: MessageFormat): string | undefined {
  if (bytes.length < headerBytes) return undefined;
  const [itsVersion = 0, kind = 0] = bytes;
  if (itsVersion !== version) return `format ${itsVersion}, this release reads format ${version}`;
  return knowsKind(kind) ? undefined : `kind ${kind}, which this release does not know`;
}

/**
 * First byte of ordered messages, which share one stream: whose matter they are. A version of their own comes behind it, because
 * members of other releases deliver them, too.
 */
export const orderedMarks = { program: 0x4d, decision: 0x56 } as const;
type OrderedMark = (typeof orderedMarks)[keyof typeof orderedMarks];

/** As above, of an ordered message that is the matter of whoever has this mark, or of nobody. */
export function unknownOrdered(bytes: Uint8Array, mark: OrderedMark, version: number): string | undefined {
  if (bytes.length < headerBytes) return undefined;
  const [itsMark = 0, itsVersion = 0] = bytes;
  if (itsMark === mark)
    return itsVersion === version ? undefined : `format ${itsVersion}, this release reads format ${version}`;
  const isKnown = Object.values(orderedMarks).some((known) => known === itsMark);
  return isKnown || mark !== orderedMarks.program
    ? undefined
    : `mark ${itsMark}, which this release does not know`;
}
