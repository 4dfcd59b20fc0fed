/** Domain names as keys: one domain, one spelling (replication 5.12). */

/** Letters of other scripts among what a host name may hold; anything else would change its meaning in a URL. */
const internationalName = /^[\w.\-\u{80}-\u{10ffff}]*[\u{80}-\u{10ffff}][\w.\-\u{80}-\u{10ffff}]*$/u;

/** Lower case, ASCII (punycode) form, without trailing dot. What is no valid domain is only put into lower case. */
export function domainKey(domain: string): string {
  const lower = domain.toLowerCase();
  const ascii = internationalName.test(lower) ? asciiForm(lower) : lower;
  return ascii.replace(/\.+$/, '');
}

function asciiForm(domain: string): string {
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return domain;
  }
}
