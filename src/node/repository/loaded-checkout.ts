/**
 * Which checkout a process last read its configuration from without an error: a link beside the working copy for each main
 * file. A commit that no node can load then breaks no restart (CONF-11.2).
 *
 * Invariant: what such a link names is kept as long as the link names it; see `tidy`.
 */
import { existsSync, readdirSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Name of the checkout that a working copy is at this moment; undefined: it is none. */
export function checkoutNow(conf: string): string | undefined {
  try {
    return readlinkSync(conf);
  } catch {
    return undefined;
  }
}

/** Without the right to write here there is nothing to fall back to, and everything else goes on. */
export function markLoaded(conf: string, mainFile: string, checkout: string | undefined): void {
  const link = linkOf(conf, mainFile);
  if (checkout === undefined || checkoutNow(link) === checkout) return;
  try {
    if (checkoutNow(`${link}.new`) !== undefined) unlinkSync(`${link}.new`);
    symlinkSync(checkout, `${link}.new`);
    renameSync(`${link}.new`, link);
  } catch {
    return;
  }
}

/** The directory; undefined: there is none but the working copy itself. */
export function loadedBefore(conf: string, mainFile: string): string | undefined {
  const checkout = checkoutNow(linkOf(conf, mainFile));
  if (checkout === undefined || checkout === checkoutNow(conf)) return undefined;
  const directory = join(dirname(conf), checkout);
  return existsSync(directory) ? directory : undefined;
}

/** Names of the checkouts that some process may fall back to. */
export function loadedCheckouts(conf: string): string[] {
  const prefix = basename(linkOf(conf, ''));
  const links = readdirSync(dirname(conf)).filter((name) => name.startsWith(prefix));
  return links.flatMap((name) => checkoutNow(join(dirname(conf), name)) ?? []);
}

function linkOf(conf: string, mainFile: string): string {
  return join(dirname(conf), `.${basename(conf)}.loaded-${basename(mainFile)}`);
}
