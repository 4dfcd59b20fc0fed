/** Runs lives as real processes of one bundle, and says how they ended and what they said. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** One file: a life begins in a tenth of the time that it takes to load them all. */
export async function bundle(name: string): Promise<string> {
  const outfile = join(root, `.cache/kills-${name}-${process.pid}.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Native libraries stay outside.
    external: ['koffi', 'lz4-napi'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
    outfile,
  });
  process.once('exit', () => rmSync(outfile, { force: true }));
  return outfile;
}

export interface EndedLife {
  readonly wasKilled: boolean;
  readonly exitCode: number | null;
  /** Whole lines only. */
  readonly lines: readonly string[];
  readonly complaints: string;
}

export interface RunningLife {
  readonly ended: Promise<EndedLife>;
  kill(): void;
}

const longestLifeMs = 120_000;

/** `output`: a file name of its own, without ending. */
export function spawnLife(program: string, told: object, output: string): RunningLife {
  const out = openSync(`${output}.out`, 'w');
  const complaints = openSync(`${output}.err`, 'w');
  const child = spawn(process.execPath, [program, JSON.stringify(told)], {
    stdio: ['ignore', out, complaints],
  });
  closeSync(out);
  closeSync(complaints);
  // It would otherwise never end: nobody waits for a life that hangs.
  const timer = setTimeout(() => child.kill('SIGABRT'), longestLifeMs);
  const ended = new Promise<EndedLife>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => {
      clearTimeout(timer);
      resolve({
        wasKilled: signal === 'SIGKILL',
        exitCode,
        lines: readFileSync(`${output}.out`, 'latin1').split('\n').slice(0, -1),
        complaints: signal === 'SIGABRT' ? 'it hung' : readFileSync(`${output}.err`, 'utf8'),
      });
    });
  });
  return { ended, kill: () => void child.kill('SIGKILL') };
}
