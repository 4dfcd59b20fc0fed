/** One line on a terminal that says how far a long job is; nothing where the output is no terminal. */

const redrawMs = 100;

export class ProgressLine {
  readonly #what: string;
  readonly #stream: NodeJS.WriteStream;
  #drawnAtMs = Number.NEGATIVE_INFINITY;

  constructor(what: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#what = what;
    this.#stream = stream;
  }

  readonly show = (done: number, total: number, unit = 'segments'): void => {
    const nowMs = performance.now();
    if (!this.#stream.isTTY || nowMs - this.#drawnAtMs < redrawMs) return;
    this.#drawnAtMs = nowMs;
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    this.#stream.write(`\r\x1b[K${this.#what}: ${done} of ${total} ${unit}, ${percent} %`);
  };

  /** Gives the line back. */
  end(): void {
    if (this.#drawnAtMs > 0) this.#stream.write('\r\x1b[K');
  }
}

/** Gives the line back also where the job fails: what is said of that has a line of its own. */
export async function withProgress<T>(
  what: string,
  run: (show: ProgressLine['show']) => Promise<T>,
): Promise<T> {
  const progress = new ProgressLine(what);
  try {
    return await run(progress.show);
  } finally {
    progress.end();
  }
}
