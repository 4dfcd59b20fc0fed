/** What may stand behind `%` in formats of custom_logger (logging 3). */

/** `%BI`, `%CI` and `%PG` are items of two letters, whose first alone is one, too. */
const formatLetters = 'AbgBcCdHimMrRnNpPsStTU%';
const itemsWithArgument = ['h', 't', 'T', 'vctx_mess', 'vctx_conn'];
/** Bounds the search for the closing brace: a line of formats can be a megabyte of opening ones. */
const longestItem = 300;

/** A letter that custom_logger does not know. */
export function formatProblem(format: string): string | undefined {
  for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', at)) {
    const rest = format.slice(at + 1, at + longestItem);
    const withArgument = itemsWithArgument.find((item) => rest.startsWith(`${item}{`));
    const close = withArgument === undefined ? -1 : rest.indexOf('}');
    const letter = rest.slice(0, 1);
    if (close < 0 && (letter === '' || !formatLetters.includes(letter)))
      return `unknown format letter '%${letter}'`;
    at += 2 + Math.max(close, 0);
  }
  return undefined;
}
