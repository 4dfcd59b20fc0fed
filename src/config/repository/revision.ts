/**
 * One commit: the message that stands in the stream of a repository. It names its tree by hash, so that the newest message
 * is all that a checkout needs, and says what changed, for people.
 *
 * Invariant: numbers go up by one from message to message of a repository, also when the stream was lost and seeded again.
 */
import { FlotillaError, isFlotillaError } from '../../core/errors.ts';
import { changesBetween, isHash, pathProblem, type Tree } from './tree.ts';

export interface Change {
  /** Added, modified, deleted. */
  readonly op: 'A' | 'M' | 'D';
  readonly path: string;
  readonly hash?: string;
  readonly mode?: number;
}

export interface Revision {
  /** Random, from the first commit on: a repository that was made anew is another one. */
  readonly repository: string;
  /** From 1. */
  readonly rev: number;
  readonly parent: number;
  /** Random: by it a committer whose answer was lost knows its own commit. */
  readonly id: string;
  readonly author: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly message: string;
  readonly changes: readonly Change[];
  /** Hash of the text of the whole tree. */
  readonly tree: string;
  /** The subcluster is in CONFLICT by an operator's word: nothing is pulled or committed until that is taken back. */
  readonly frozen: boolean;
}

/** Of the JSON of a revision, and of the text of the tree that it names; fields that are not known are ignored. */
const formatVersion = 1;
/** So that a revision fits into a message of any server, with headers. */
const mostBytes = 512 * 1024;
const longestMessage = 16 * 1024;

export function listChanges(from: Tree, to: Tree): Change[] {
  return [...changesBetween(from, to)].map(([path, entry]): Change => {
    if (!entry) return { op: 'D', path };
    return { op: from.has(path) ? 'M' : 'A', path, ...entry };
  });
}

/** Throws FLT-2313 when it is too large. */
export function encodeRevision(revision: Revision): Uint8Array {
  const bytes = Buffer.from(JSON.stringify({ version: formatVersion, ...revision }));
  if (revision.message.length > longestMessage)
    throw new FlotillaError(
      'FLT-2313',
      `the message of the commit has more than ${longestMessage} characters`,
    );
  if (bytes.length > mostBytes)
    throw new FlotillaError('FLT-2313', `${revision.changes.length} files in one commit`);
  return bytes;
}

/** Throws FLT-2311 for anything else than a revision, FLT-2319 for one that only a later release understands. */
export function decodeRevision(bytes: Uint8Array): Revision {
  try {
    return checked(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    if (isFlotillaError(error)) throw error;
    throw new FlotillaError('FLT-2311', `a revision cannot be read: ${(error as Error).message}`);
  }
}

function checked(value: unknown): Revision {
  const { repository, rev, parent, id, author, time, message, changes, tree, frozen, version } =
    value as Record<keyof Revision | 'version', unknown>;
  // What earlier releases have committed says none.
  if (version !== undefined && version !== formatVersion)
    throw new FlotillaError('FLT-2319', `format ${version}, this release reads format ${formatVersion}`);
  return {
    repository: text(repository, 'repository'),
    rev: wholeNumber(rev, 'rev'),
    parent: wholeNumber(parent, 'parent'),
    id: text(id, 'id'),
    author: text(author, 'author'),
    time: text(time, 'time'),
    message: text(message, 'message'),
    changes: Array.isArray(changes) ? changes.map(change) : wrong('changes'),
    tree: isHash(tree) ? tree : wrong('tree'),
    frozen: frozen === true,
  };
}

function change(value: unknown): Change {
  const { op, path, hash, mode } = value as Record<keyof Change, unknown>;
  if ((op !== 'A' && op !== 'M' && op !== 'D') || typeof path !== 'string' || pathProblem(path) !== undefined)
    return wrong('changes');
  if (op === 'D') return { op, path };
  return isHash(hash) ? { op, path, hash, mode: wholeNumber(mode, 'mode') } : wrong('hash');
}

function text(value: unknown, field: string): string {
  return typeof value === 'string' ? value : wrong(field);
}

function wholeNumber(value: unknown, field: string): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : wrong(field);
}

function wrong(field: string): never {
  throw new TypeError(`its field '${field}' is wrong`);
}
