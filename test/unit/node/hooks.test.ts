/** What `module hooks` says is what the program's side of the node declares. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeHooks } from '../../../src/node/hooks.ts';

const declaringFiles: Readonly<Record<string, string>> = {
  '': 'node-api.ts',
  cluster: 'cluster-api.ts',
  commands: 'command-api.ts',
  caches: 'caches.ts',
};

/** In one line, however it was broken into several. */
function sourceOf(part: string): string {
  const text = readFileSync(new URL(`../../../src/node/${declaringFiles[part]}`, import.meta.url), 'utf8');
  return text
    .replace(/\s+/g, ' ')
    .replace(/([([]) /g, '$1')
    .replace(/,? ([)\]])/g, '$1');
}

describe('module hooks', () => {
  it.each(nodeHooks)('CMD-1 $name is declared as it is shown', ({ name, prototype }) => {
    const [own = '', part = ''] = name.split('.').reverse();
    const asEvent = `${own}: ${prototype.replace(/^\((.*)\): void$/, '[$1]')};`;
    const asMethod = `${own}${prototype} {`;
    const source = sourceOf(part);
    expect(source.includes(` ${asEvent}`) || source.includes(` ${asMethod}`)).toBe(true);
  });

  it('CMD-1 no method that takes what a program wants to be called for is missing', () => {
    const known = new Set(nodeHooks.map(({ name }) => name));
    for (const part of Object.keys(declaringFiles))
      for (const [, method = ''] of sourceOf(part).matchAll(
        / (\w+)\((?:[^()]|\([^()]*\))*\b(?:handler|listener|hook|loader): [^{]*\{/g,
      ))
        expect(known).toContain(part === '' ? method : `${part}.${method}`);
  });
});
