/**
 * Regular expressions as configuration writes them: `/regex/` in the names of domains and hosts, bare in lists. They
 * are unanchored unless the pattern anchors, and domains match without case.
 */

/** True for a name that is meant as an expression. */
export function looksLikeRegex(text: string): boolean {
  return text.startsWith('/');
}

/** The expression between slashes; what is wrong with it as text. */
export function parseSlashedRegex(text: string): RegExp | string {
  if (text.length < 2 || !text.endsWith('/')) return `unterminated regex '${text}'`;
  return parseRegex(text.slice(1, -1));
}

/** What is wrong with it as text. */
export function parseRegex(text: string): RegExp | string {
  try {
    return new RegExp(text, 'i');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
