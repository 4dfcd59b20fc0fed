/** Just enough XML to write answers: elements with text or elements in them, and character data that is always legal. */

/** Everything XML 1.0 forbids even in character data: most control characters and lone surrogates. */
const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

export function legalXml(text: string): string {
  return text.replace(illegal, '\ufffd');
}

/** For text and for values of attributes. */
export function escapeXml(text: string): string {
  return legalXml(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** `<name>text</name>`; the text is escaped. */
export function textElement(name: string, text: string | number | boolean): string {
  return `<${name}>${escapeXml(String(text))}</${name}>`;
}

/** `<name>children</name>`; the children are elements already. */
export function element(name: string, children: readonly string[]): string {
  return `<${name}>${children.join('')}</${name}>`;
}
