/**
 * An answer in the form asked for, in parts that fit every transport. Owns the wrapping of answers without a form of
 * their own (CON-12) and the size of a part (CON-7: at most 64 KiB).
 */
import { setImmediate } from 'node:timers/promises';
import type { Answer, Format, Text } from './answer.ts';
import { legalXml } from './xml.ts';

/** A UTF-16 unit takes at most three bytes of UTF-8, so such a part stays below 64 KiB. */
const maxPartUnits = 20_000;

/** The parts of an answer, none of them empty. */
export function partsOf(answer: Answer, format: Format): AsyncGenerator<string> {
  return inParts(formOf(answer, format));
}

function formOf(answer: Answer, format: Format): Text {
  if (format === 'xml') return answer.xml ? endedLine(answer.xml()) : wrappedXml(answer.text());
  if (format === 'json') return answer.json ? endedLine(answer.json()) : wrappedJson(answer.text());
  return answer.text();
}

async function* endedLine(text: Text): AsyncGenerator<string> {
  yield* pieces(text);
  yield '\n';
}

/** `]]>` would end the section early, so it is spread over two; a piece may end within one. */
async function* wrappedXml(text: Text): AsyncGenerator<string> {
  yield '<Response><![CDATA[';
  for await (const piece of withoutLastLineFeed(text, /(\]{1,2}|[\n\ud800-\udbff])$/)) {
    yield legalXml(piece.replaceAll(']]>', ']]]]><![CDATA[>'));
  }
  yield ']]></Response>\n';
}

async function* wrappedJson(text: Text): AsyncGenerator<string> {
  yield '{"response":"';
  for await (const piece of withoutLastLineFeed(text, /[\n\ud800-\udbff]$/))
    yield JSON.stringify(piece).slice(1, -1);
  yield '"}\n';
}

/** The pieces regrouped so that none ends with what `heldBack` matches, and without the line feed that ends the text. */
async function* withoutLastLineFeed(text: Text, heldBack: RegExp): AsyncGenerator<string> {
  let held = '';
  for await (const piece of pieces(text)) {
    const whole = held + piece;
    held = heldBack.exec(whole)?.[0] ?? '';
    yield whole.slice(0, whole.length - held.length);
  }
  if (held !== '' && held !== '\n') yield held;
}

/**
 * Small pieces are gathered and large ones cut, never within a surrogate pair. Everything else gets its turn after each
 * part: a fast reader takes parts as soon as they are made, and a long answer would hold up beats and connections.
 */
async function* inParts(text: Text): AsyncGenerator<string> {
  let gathered = '';
  for await (const piece of pieces(text)) {
    gathered += piece;
    while (gathered.length > maxPartUnits) {
      const cut = isHighSurrogate(gathered.charCodeAt(maxPartUnits - 1)) ? maxPartUnits - 1 : maxPartUnits;
      yield gathered.slice(0, cut);
      gathered = gathered.slice(cut);
      await setImmediate();
    }
  }
  if (gathered !== '') yield gathered;
}

async function* pieces(text: Text): AsyncGenerator<string> {
  if (typeof text === 'string') yield text;
  else yield* text;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
