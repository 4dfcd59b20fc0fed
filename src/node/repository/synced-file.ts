/** Files of a working copy that outlive a loss of power. Their names do so when their directory is synced, too. */
import { open } from 'node:fs/promises';

export async function writeSynced(path: string, content: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
