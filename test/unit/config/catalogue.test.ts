import { describe, expect, it } from 'vitest';
import type { FindingCode } from '../../../src/config/finding.ts';
import { findingCatalogue } from '../../../src/config/finding.ts';
import { checkFiles, checkText } from './checked.ts';
import { type FindingCase, findingCases, vip } from './finding-cases.ts';

/** Line and column in code points, counted the slow way. */
function positionIn(text: string): string {
  const lines = text.split('\n');
  return `${lines.length}:${[...(lines.at(-1) ?? '')].length + 1}`;
}

function expectationOf({ text, code, severity }: FindingCase) {
  const [before = '', marked = '', after = ''] = text.split('¦');
  return {
    plain: before + marked + after,
    line: `${positionIn(before)}-${positionIn(before + marked)} ${severity ?? findingCatalogue[code].severity} ${code}`,
  };
}

const told = ({ findings }: ReturnType<typeof checkText>, file: string) =>
  findings
    .filter((finding) => finding.file === file)
    .map(({ line, column, endLine, endColumn, severity, code, message, hint }) => ({
      place: `${line}:${column}-${endLine}:${endColumn} ${severity} ${code}`,
      text: `${message} ${hint}`,
    }));

describe('CONF-13.4 every finding has its exact place', () => {
  it.each(findingCases)('$code $says', (example) => {
    const { plain, line } = expectationOf(example);
    const found = told(checkText(plain, { strict: example.strict ?? false }), 'configuration');
    expect(found.map(({ place }) => place)).toContain(line);
    expect(found.find(({ place }) => place === line)?.text).toContain(example.says);
  });

  it.each(findingCases)('$code $says, in an included file', (example) => {
    const { plain, line } = expectationOf(example);
    const files = { 'main.conf': '# first\n  include "sub/part.conf"\n', 'sub/part.conf': plain };
    const result = checkFiles(files, { strict: example.strict ?? false });
    expect(told(result, 'sub/part.conf').map(({ place }) => place)).toContain(line);
    const finding = result.findings.find(
      ({ code, file }) => code === example.code && file === 'sub/part.conf',
    );
    expect(finding?.trace).toEqual([{ file: 'main.conf', line: 2, column: 3 }]);
  });

  it('covers the catalogue, but for the codes of includes (load.test.ts) and of ten thousand addresses', () => {
    const covered = new Set(findingCases.map(({ code }) => code));
    const missing = Object.keys(findingCatalogue).filter((code) => !covered.has(code as FindingCode));
    expect(missing).toEqual(['CFG-1201', 'CFG-1203', 'CFG-1204', 'CFG-1205', 'CFG-2316', 'CFG-2317']);
  });

  it('CFG-2316 the 10,241st DuraVIP address draws a warning, at its place', () => {
    const listens = Array.from(
      { length: 10_241 },
      (_, n) => `Listen "10.1.${n >> 8}.${n & 255}:25" { ${vip} }`,
    );
    const cluster = 'cluster { Topology "10.1.0.0/16" { interface = eth0 } }';
    const result = checkText(`${cluster}\nESMTP_Listener {\n${listens.join('\n')}\n}`);
    expect(told(result, 'configuration').map(({ place }) => place)).toEqual([
      '10243:25-10243:39 warning CFG-2316',
    ]);
  });
});
