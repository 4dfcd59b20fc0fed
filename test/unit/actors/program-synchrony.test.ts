/** What multicasts between programs promise whatever happens to the nodes, under schedules of faults that shrink. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import { viewKey } from '../../../src/core/view.ts';
import { Drill, described, place, steps } from './drill.ts';
import { bytes, Speaker } from './speaker.ts';

/** The processes of a drill, each with a program that joins group `g` and notes what it hears. */
class Assembly {
  readonly speakers = new Map<Incarnation, Speaker>();
  readonly drill: Drill;
  readonly kept: string[] = [];
  #said = 0;

  constructor() {
    this.drill = new Drill((sailor, drill) => {
      const speaker = new Speaker(drill.fleet, sailor);
      speaker.ignores = ({ kind, from }) => drill.loses(kind, from, sailor.incarnation);
      void speaker.programs.join('g', '').catch(() => {});
      this.speakers.set(sailor.incarnation, speaker);
    });
  }

  get living(): readonly Speaker[] {
    return this.drill.living.map(({ incarnation }) => this.speakers.get(incarnation)!);
  }

  /** A numbered message of each living process; `kept` are those whose promise was. */
  say(): void {
    const number = ++this.#said;
    for (const { programs, sailor } of this.living) {
      const text = `${sailor.incarnation} ${number}`;
      programs.order('g', bytes(text)).then(
        () => this.kept.push(text),
        () => {},
      );
    }
  }
}

const speech = described('say', (drill) => void assemblies.get(drill)?.say());
const assemblies = new WeakMap<Drill, Assembly>();
const loss = place.map((to) => described(`lose submit>${to}`, (drill) => drill.lose('submit', to)));
const schedules = fc.array(
  fc.oneof({ arbitrary: steps, weight: 6 }, { arbitrary: fc.constant(speech), weight: 3 }, loss),
  { maxLength: 40, size: 'max' },
);

async function performed(schedule: readonly ((drill: Drill) => void)[]): Promise<Assembly> {
  const assembly = new Assembly();
  const { drill } = assembly;
  assemblies.set(drill, assembly);
  for (const step of schedule) step(drill);
  drill.makeWhole();
  assembly.say();
  drill.fleet.pass(5_000);
  await new Promise(setImmediate);
  return assembly;
}

const isSpeech = (line: string) => /^[0-9a-f]{32} \d+$/.test(line);

interface Chapter {
  /** From which view to which. */
  readonly move: string;
  readonly heard: readonly string[];
  /** In all chapters before. */
  readonly earlier: ReadonlySet<string>;
}

function chapters({ story }: Speaker): Chapter[] {
  const told: Chapter[] = [];
  const earlier = new Set<string>();
  let view = 'start';
  let heard: string[] = [];
  for (const line of story) {
    if (isSpeech(line)) heard.push(line);
    else if (line.startsWith('view ')) {
      if (view !== 'start') told.push({ move: `${view} > ${line}`, heard, earlier: new Set(earlier) });
      for (const each of heard) earlier.add(each);
      [view, heard] = [line, []];
    }
  }
  return told;
}

describe('whatever fails', () => {
  it('API-11 BUS-8 always: nobody hears a message twice, or those of one sender in another order', async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        for (const speaker of (await performed(schedule)).speakers.values()) {
          const last = new Map<string, number>();
          for (const [from = '', number] of speaker.texts().map((text) => text.split(' '))) {
            expect(Number(number)).toBeGreaterThan(last.get(from) ?? 0);
            last.set(from, Number(number));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('API-11 BUS-9 BUS-11 always: who goes from view to view together has heard the same, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const { speakers } = await performed(schedule);
        const told = [...speakers.values()].flatMap((speaker) => chapters(speaker));
        const first = new Map<string, Chapter>();
        for (const { move, heard, earlier } of told) {
          const other = first.get(move);
          if (!other) first.set(move, { move, heard, earlier });
          // Who had heard it already, while the cluster was apart, does not hear it again.
          const here = heard.filter((text) => !other?.earlier.has(text));
          const there = (other?.heard ?? here).filter((text) => !earlier.has(text));
          expect(here).toEqual(there);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('API-11 always: what a living process said is heard by itself in the end, and its promise kept', async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const assembly = await performed(schedule);
        const ends = new Set(assembly.living.map(({ sailor }) => viewKey(sailor.membership.view.id)));
        expect(ends.size).toBe(1);
        for (const speaker of assembly.living) {
          const own = speaker.texts().filter((text) => text.startsWith(speaker.sailor.incarnation));
          expect(assembly.kept.filter((text) => text.startsWith(speaker.sailor.incarnation))).toEqual(own);
          expect(own.length).toBeGreaterThan(0);
          expect(speaker.members('g').split(' ')).toHaveLength(4);
        }
        const lasts = assembly.living.map((speaker) => speaker.texts().slice(-4).join('\n'));
        expect(new Set(lasts).size).toBe(1);
      }),
      { numRuns: 60 },
    );
  });
});
