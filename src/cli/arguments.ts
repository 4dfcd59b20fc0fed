/** Words of the command line as all commands read them, and what is said of those that cannot be. */
import { InvalidArgumentError } from 'commander';

/** What commander complains of, on one line; `help` says more. */
export function complaint(text: string, help: string): string {
  const problem = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return `flotilla: ${problem}; see '${help}'\n`;
}

export function listOfUrls(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim());
  if (urls.includes('')) throw new InvalidArgumentError('Separate the URLs by commas.');
  return urls;
}

export function positiveSeconds(text: string): number {
  const seconds = Number(text);
  // Beyond it timers of Node.js overflow and fire at once.
  if (!(seconds > 0 && seconds <= 2_000_000))
    throw new InvalidArgumentError('Give a number of seconds above 0.');
  return seconds;
}
