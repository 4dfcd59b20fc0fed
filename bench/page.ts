/** docs/benchmarks.md: machine, versions and date, all figures, how they grow with size, and what they mean. */
import { spawnSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { type Figure, type Measured, renderFigures, short } from './report.ts';

/** `loadBefore`: load average of the machine when the benchmarks began. */
export function writtenPage(measured: readonly Measured[], loadBefore: number): string {
  const figures = measured.flatMap((each) => each.figures);
  return `# Benchmarks

Written by \`npm run bench -- --write\`; do not edit. Everything was measured in one run on one machine, with the peer beside
ours on the same work. Ratios count; absolute times only orient, since machines differ and are noisy.

${machine(loadBefore)}

## Figures

A ratio above 1 is how many times better ours is than the peer. Goals are in the column \`target\`.

${renderFigures(figures)}

## Growth

How each figure grows from its smallest to its largest size.

${renderGrowth(figures)}

## What the rows mean

${measured.map(({ benchmark }) => `- \`${benchmark.name}\` (${benchmark.goals.join(', ')}): ${benchmark.meaning}`).join('\n')}

## To repeat

\`\`\`sh
npm run bench                       # all of it, half an hour
npm run bench -- tables membership  # some of it
npm run bench -- --write            # all of it, and this page
\`\`\`

The figures of a busy machine mean little: leave it alone meanwhile. nats-server, redis-server, haproxy and
keepalived are installed from Debian when they are missing. Benchmarks with network namespaces need root.
`;
}

function machine(loadBefore: number): string {
  const [processor] = cpus();
  const facts: [string, string][] = [
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Processor', `${processor?.model.trim()}, ${cpus().length} cores`],
    ['Memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['Kernel', `Linux ${release()}`],
    ['Load average before the run', loadBefore.toFixed(1)],
    ['Node.js', process.version],
    ['nats-server', versionOf('nats-server', '-v')],
    ['redis-server', versionOf('redis-server', '--version')],
    ['haproxy', versionOf('haproxy', '-v')],
    ['keepalived', versionOf('keepalived', '--version')],
  ];
  return facts.map(([name, value]) => `- ${name}: ${value}`).join('\n');
}

function versionOf(command: string, flag: string): string {
  // Some say it as an error.
  const { stdout, stderr } = spawnSync(command, [flag], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

function renderGrowth(figures: readonly Figure[]): string {
  const rows = [...new Set(figures.map(({ what }) => what))].flatMap((what) => {
    const series = figures.filter((figure) => figure.what === what && !Number.isNaN(figure.value));
    const [first, last] = [series[0], series.at(-1)];
    if (!first || !last || first.size === last.size || first.value === 0) return [];
    return [`| ${what} | ${first.size} to ${last.size} | ${short(last.value / first.value)}x |`];
  });
  return ['| what | sizes | growth |', '| --- | --- | --- |', ...rows].join('\n');
}
