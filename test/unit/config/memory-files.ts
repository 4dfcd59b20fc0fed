/** A file system in memory for tests of the configuration: paths and their content. */
import type { ConfigurationFiles } from '../../../src/config/files.ts';

export function memoryFiles(texts: Readonly<Record<string, string | Uint8Array>>): ConfigurationFiles {
  const entries = new Map(
    Object.entries(texts).map(([path, text]) => [
      path,
      typeof text === 'string' ? new TextEncoder().encode(text) : text,
    ]),
  );
  const namesIn = (path: string) => {
    const prefix = `${path.replace(/\/+$/, '')}/`;
    const below = [...entries.keys()].filter((name) => name.startsWith(prefix));
    return [...new Set(below.map((name) => name.slice(prefix.length).split('/', 1)[0] ?? ''))];
  };
  return {
    facts(path) {
      const bytes = entries.get(path);
      if (bytes !== undefined) return { kind: 'file', sizeBytes: bytes.length };
      return namesIn(path).length > 0
        ? { kind: 'directory' }
        : { kind: 'none', reason: 'no such file or directory' };
    },
    read: (path) => entries.get(path),
    list: namesIn,
    isWritable: (path) => entries.has(path),
  };
}
