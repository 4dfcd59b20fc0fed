/**
 * Time as a strip of characters for each address: who answered, one column for a few milliseconds; and who owns what.
 * Pure.
 */
import type { Span } from '../../lab/asker.ts';
import { columns, milliseconds } from '../three-relays/screen.ts';
import type { Seen } from './client.ts';
import type { Absence } from './machine.ts';

export interface Scene {
  readonly ips: readonly string[];
  /** Those that went from one machine to another; their gaps are told. */
  readonly moved: readonly string[];
  readonly seen: ReadonlyMap<string, Seen>;
  /** When it began, as `Date.now()` counts. */
  readonly fromMs: number;
  /** Whether an answer comes from where the moved addresses went. */
  readonly hasMoved: (by: string) => boolean;
}

const silence = '.';
const columnCount = 56;
const columnWidthsMs = [2, 5, 10, 20, 50, 100, 200, 500];
/** Shown before and after, so that the eye finds the gap. */
const marginColumns = 8;

export function picture(scene: Scene): string {
  const turns = scene.moved.map((ip) => turnOf(scene, ip));
  if (turns.length === 0) return '';
  const fromMs = Math.min(...turns.map(({ lastMs }) => lastMs));
  const lengthMs = Math.max(...turns.map(({ firstMs }) => firstMs)) - fromMs;
  const room = columnCount - 2 * marginColumns;
  const columnMs = columnWidthsMs.find((widthMs) => widthMs * room >= lengthMs) ?? Math.ceil(lengthMs / room);
  const frame: Frame = {
    leftMs: fromMs - marginColumns * columnMs,
    columnMs,
    fromMs: scene.fromMs,
    toMs: Math.max(...[...scene.seen.values()].map(({ spans }) => spans.at(-1)?.toMs ?? scene.fromMs)),
  };
  const rows = scene.ips.map((ip) => {
    const { spans = [], gapMs = 0 } = scene.seen.get(ip) ?? {};
    const gap = scene.moved.includes(ip) ? `gap ${milliseconds(gapMs)}` : '';
    return [ip, strip(spans, frame), gap];
  });
  return `Who answered, in columns of ${columnMs} ms:\n${columns(rows)}`;
}

/** The last answer from where the address was, and the first from where it went. */
function turnOf({ seen, fromMs, hasMoved }: Scene, ip: string): { lastMs: number; firstMs: number } {
  const spans = seen.get(ip)?.spans ?? [];
  const at = spans.findIndex(({ by }) => hasMoved(by));
  const lastMs = spans[at - 1]?.toMs ?? fromMs;
  return { lastMs, firstMs: spans[at]?.fromMs ?? lastMs };
}

export interface Frame {
  readonly leftMs: number;
  readonly columnMs: number;
  /** When the client was watched: what is outside stays blank. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A column with any answer shows the number of the latest machine; one without shows a dot. */
export function strip(spans: readonly Span[], { leftMs, columnMs, fromMs, toMs }: Frame): string {
  return Array.from({ length: columnCount }, (_, column) => {
    const beginsMs = leftMs + column * columnMs;
    const endsMs = beginsMs + columnMs;
    if (endsMs <= fromMs || beginsMs > toMs) return ' ';
    const latest = spans.findLast((span) => span.fromMs < endsMs && span.toMs >= beginsMs);
    return latest?.by.at(-1) ?? silence;
  }).join('');
}

/** Who owns what now. */
export function shares(
  machines: readonly { readonly name: string; readonly absence: Absence }[],
  holders: ReadonlyMap<string, readonly string[]>,
): string {
  return columns(
    machines.map(({ name, absence }) => {
      const ips = [...holders].filter(([, names]) => names.includes(name)).map(([ip]) => ip);
      return [name, [...(absence ? [absence] : []), ...ips].join(' ')];
    }),
  );
}
