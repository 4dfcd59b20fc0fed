/**
 * Keeps in the repository what this process runs with, for whoever looks after a loss of the machine (CONF-11.1): every five
 * minutes, when it has changed.
 */
import type { Timer } from '../../core/clock.ts';
import type { Surroundings } from '../surroundings.ts';

export interface RunningSaverOptions {
  readonly nodename: string;
  /** The running configuration; undefined: it cannot be told now. */
  readonly text: () => Promise<string | undefined>;
  readonly open: () => Promise<RunningStore>;
  readonly around: Pick<Surroundings, 'clock' | 'log'>;
}

/** RunningConfigurations of the bus, and the connection they are on. */
export interface RunningStore {
  save(node: string, text: Uint8Array): Promise<boolean>;
  close(): Promise<void>;
}

/** As a console shows it; undefined: it cannot now. */
export async function runningText(
  console: (line: string) => Promise<{ readonly text: string; readonly status: number }>,
): Promise<string | undefined> {
  const { text, status } = await console('config showrecurse');
  return status === 0 ? text : undefined;
}

const everyMs = 300_000;

export class RunningSaver {
  readonly #options: RunningSaverOptions;
  #saved: string | undefined;
  #timer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RunningSaverOptions) {
    this.#options = options;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#saving;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, log } = this.#options.around;
    this.#timer = clock.after(everyMs, () => {
      this.#saving = this.#save()
        .catch((error: Error) => log.warning(`the running configuration was not saved: ${error.message}`))
        .finally(() => this.#schedule());
    });
  }

  async #save(): Promise<void> {
    const { text, open, nodename } = this.#options;
    const running = await text();
    if (running === undefined || running === this.#saved) return;
    const store = await open();
    try {
      await store.save(nodename, Buffer.from(running));
      this.#saved = running;
    } finally {
      await store.close();
    }
  }
}
