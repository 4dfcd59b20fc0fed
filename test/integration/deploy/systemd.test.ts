/** The units of deploy/systemd by systemd's own judgement. Needs `systemd-analyze`. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const units = fileURLToPath(new URL('../../../deploy/systemd/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'flotilla-units-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Everything that it says about the unit itself; units of this machine may have problems of their own. */
async function verified(unit: string): Promise<string> {
  const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]).catch(
    (error) => error,
  );
  return `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line.includes('flotilla'))
    .join('\n');
}

describe('the systemd units', () => {
  it('are verified by systemd, which would find a mistake in them', async () => {
    cpSync(units, folder, { recursive: true });
    for (const name of ['flotilla-node', 'flotilla-manager', 'flotilla-nats'])
      expect(await verified(join(folder, `${name}.service`))).toBe('');
    const wrong = join(folder, 'flotilla-wrong.service');
    writeFileSync(wrong, '[Service]\nExecStart=/bin/true\nProtectSytem=strict\n');
    expect(await verified(wrong)).toContain('ProtectSytem');
  });

  // Capabilities for the network are what a node is for; without them it would be below 2, too.
  it.each([
    ['flotilla-node', 25],
    ['flotilla-manager', 15],
    ['flotilla-nats', 15],
  ])('%s is exposed no more than %i of 100', async (name, most) => {
    const unit = join(units, `${name}.service`);
    const words = ['security', '--offline=true', '--no-pager', `--threshold=${most}`, unit];
    await expect(run('systemd-analyze', words)).resolves.toBeDefined();
  });
});
