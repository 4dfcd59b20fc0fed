import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, Format, Text } from '../../../src/console/answer.ts';
import { partsOf } from '../../../src/console/forms.ts';

const answer = (text: Text): Answer => ({ status: 0, text: () => text });

async function rendered(given: Answer, format: Format): Promise<string> {
  return (await parts(given, format)).join('');
}

async function parts(given: Answer, format: Format): Promise<string[]> {
  const all: string[] = [];
  for await (const part of partsOf(given, format)) all.push(part);
  return all;
}

/** Lone surrogates replaced, as on any way through UTF-8. */
const wellFormed = (text: string) => Buffer.from(text).toString();

/** Text cut into pieces at any place, within a surrogate pair or `]]>` too. */
const piecesOf = (unit: fc.Arbitrary<string>) =>
  fc.array(unit, { maxLength: 40 }).map((units) => ({ whole: units.join(''), pieces: units }));
const awkward = fc.constantFrom(
  ']',
  ']]',
  '>',
  ']]>',
  '\n',
  '\ud83d',
  '\ude00',
  'a',
  '"',
  '\\',
  '\0',
  '&',
  '<',
);

describe('forms of an answer', () => {
  it('CON-12 an answer without XML form of its own is wrapped, without the line feed at its end', async () => {
    expect(await rendered(answer('labrat-1\n'), 'xml')).toBe('<Response><![CDATA[labrat-1]]></Response>\n');
    expect(await rendered(answer(''), 'xml')).toBe('<Response><![CDATA[]]></Response>\n');
  });

  it('CON-12 likewise for JSON', async () => {
    expect(await rendered(answer('a "b"\nc\n'), 'json')).toBe('{"response":"a \\"b\\"\\nc"}\n');
  });

  it('CON-12 an answer with its own form is given as it is', async () => {
    const own: Answer = { ...answer('text'), xml: () => '<A/>', json: () => '{"a":1}' };
    expect(await rendered(own, 'xml')).toBe('<A/>\n');
    expect(await rendered(own, 'json')).toBe('{"a":1}\n');
    expect(await rendered(own, 'text')).toBe('text');
  });

  it('CON-12 ]]> in the text never ends the section, wherever the pieces are cut', async () => {
    await fc.assert(
      fc.asyncProperty(piecesOf(awkward), async ({ whole, pieces }) => {
        const xml = await rendered(answer(pieces), 'xml');
        const sections = [...xml.matchAll(/<!\[CDATA\[([\s\S]*?)\]\]>/g)].map(([, text]) => text);
        const legal = wellFormed(whole.replace(/\n$/, '').replaceAll('\0', '\ufffd'));
        expect(sections.join('')).toBe(legal);
        expect(xml.replace(/<!\[CDATA\[[\s\S]*?\]\]>/g, '')).toBe('<Response></Response>\n');
      }),
    );
  });

  it('CON-12 any text in any pieces comes back from JSON', async () => {
    await fc.assert(
      fc.asyncProperty(piecesOf(awkward), async ({ whole, pieces }) => {
        const { response } = JSON.parse(await rendered(answer(pieces), 'json'));
        expect(response).toBe(whole.replace(/\n$/, ''));
      }),
    );
  });

  it('CON-7 parts have at most 64 KiB, none is empty, and joined they are the answer', async () => {
    const wide = '\ud83d\ude00'.repeat(50_000);
    for (const text of [wide, `a${wide}`, 'x'.repeat(20_000), 'x'.repeat(20_001), ['', 'a', '', 'b']]) {
      const given = await parts(answer(text), 'text');
      expect(given.join('')).toBe(typeof text === 'string' ? text : text.join(''));
      for (const part of given) {
        expect(part).not.toBe('');
        expect(Buffer.byteLength(part)).toBeLessThanOrEqual(64 * 1024);
        expect(wellFormed(part)).toBe(part);
      }
    }
  });
});
