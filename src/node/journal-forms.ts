/** Answers from journals as texts: as the original prints them (replication 12), or as one JSON value. */
import { type CidrRow, cidrLine } from '../core/series/cidr-counts.ts';
import type { CidrQuery } from '../core/series/cidr-query.ts';

export type JournalFormat = 'text' | 'json';

export interface Form {
  start(query: CidrQuery): string;
  series(name: string, stamps: readonly [first: string, last: string], isFirst: boolean): string;
  files(paths: readonly string[]): string;
  row(row: CidrRow, isFirst: boolean): string;
  end(query: CidrQuery, problem: string | undefined): string;
}

const text: Form = {
  start: () => '',
  series: (name, stamps) => `${name} : ${stamps.join(' => ')}\n`,
  files: (paths) => `$VAR1 = [\n${paths.map((path) => `          '${path}'`).join(',\n')}\n        ];\n`,
  row: (row) => cidrLine(row),
  end: () => '',
};

const json: Form = {
  start: (query) => {
    if (query.kind === 'available') return '{"series":[';
    if (query.kind === 'cache') return '{"files":[';
    const columns = query.isUnion ? [`union(${query.series.join(',')})`] : query.series;
    return `{"columns":${JSON.stringify(columns)},"rows":[`;
  },
  series: (name, [first, last], isFirst) => `${isFirst ? '' : ','}${JSON.stringify({ name, first, last })}`,
  files: (paths) => paths.map((path) => JSON.stringify(path)).join(','),
  row: ({ label, counts }, isFirst) => `${isFirst ? '' : ','}${JSON.stringify({ block: label, counts })}`,
  end: (_, problem) => (problem === undefined ? ']}' : `],"error":${JSON.stringify(problem)}}`),
};

export const forms: Readonly<Record<JournalFormat, Form>> = { text, json };
