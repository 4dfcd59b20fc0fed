/** How many file descriptors this process may have. */
import { readFileSync } from 'node:fs';

/** What POSIX grants every process; used where the kernel does not tell. */
const leastLimit = 1024;

/** Node raises the soft limit to the hard one when it starts, so this is as far as it goes. */
export function openFileLimit(): number {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return leastLimit;
  }
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return soft === undefined ? leastLimit : soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
