/** Domain names as keys: one domain, one spelling (replication 5.12). */

/** Lower case, ASCII (punycode) form, without trailing dot. What is no valid domain is only put into lower case. */
export function domainKey(domain: string): string {
  const named = domain.endsWith('.') ? domain.slice(0, -1) : domain;
  if (/^[\x21-\x7e]*$/.test(named)) return named.toLowerCase();
  try {
    return new URL(`http://${named}`).hostname;
  } catch {
    return named.toLowerCase();
  }
}
