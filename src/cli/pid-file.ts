/**
 * `pidfile`: the process id, for scripts that send signals to it. There while the process serves; one that a killed process
 * left is written over, since process ids come again and say nothing of who is alive.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Returns how to take it away. That it cannot be written stops nobody from serving. */
export function writePidFile(path: string | undefined, complain: (problem: string) => void): () => void {
  if (path === undefined) return () => {};
  const text = `${process.pid}\n`;
  try {
    writeFileSync(path, text);
  } catch (error) {
    complain(`the pidfile cannot be written: ${(error as Error).message}`);
    return () => {};
  }
  return () => {
    try {
      // Not that of a process which has begun meanwhile.
      if (readFileSync(path, 'utf8') === text) rmSync(path);
    } catch {
      // Somebody has taken it away.
    }
  };
}
