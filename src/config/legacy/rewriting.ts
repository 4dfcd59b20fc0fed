/**
 * A text with pieces of it replaced. What is not touched stays as it is, byte for byte: comments, order, layout. A line of
 * which nothing is left goes; the blanks before a piece that is taken out go with it.
 */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Stands for what was taken out until lines are looked at; no text of configuration has it (CFG-1101). */
const hole = '\0';

export class Rewriting {
  readonly #text: string;
  #edits: Edit[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  get isUnchanged(): boolean {
    return this.#edits.length === 0;
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  takeOut(start: number, end: number): void {
    this.replace(start, end, hole);
  }

  /** What is done from now on can be undone. */
  mark(): number {
    return this.#edits.length;
  }

  undo(mark: number): void {
    this.#edits.length = mark;
  }

  result(): string {
    const pieces: string[] = [];
    let at = 0;
    for (const { start, end, text } of [...this.#edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
      pieces.push(this.#text.slice(at, start), text);
      at = end;
    }
    pieces.push(this.#text.slice(at));
    return pieces
      .join('')
      .split('\n')
      .flatMap((line) => (line.includes(hole) ? withoutHoles(line) : [line]))
      .join('\n');
  }
}

/** With its indentation, whatever is left of it. */
function withoutHoles(line: string): string[] {
  const pieces = line.split(hole);
  const rest = pieces.map((piece, index) => (index < pieces.length - 1 ? piece.trimEnd() : piece)).join('');
  if (rest.trim() === '') return [];
  return pieces[0]?.trim() === '' ? [`${pieces[0]}${rest.trimStart()}`] : [rest];
}
