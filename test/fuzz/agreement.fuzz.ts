/**
 * Damaged messages that still decode, fed into live agreements (goal R7). Whatever a foreign or broken program says,
 * an agreement never throws, and once the nonsense stops it forms a view with its honest peers again.
 */
import { decodeViewMessage, encodeViewMessage } from '../../src/bus/view-codec.ts';
import type { ViewMessage } from '../../src/core/agreement/messages.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { beatMs, type Letter, PostOffice, senderOf, timeoutMs } from '../unit/agreement/post-office.ts';
import { mutateBytes } from './mutate.ts';

export interface AgreementFuzzSummary {
  readonly runs: number;
  /** Damaged messages that were decoded and received. */
  readonly received: number;
}

const messagesARun = 40;
/** Peers are forgotten ten failure timeouts after their last beat; what was said about them is forgotten then, too. */
const recoveryMs = 16 * timeoutMs;

export function fuzzAgreement(runs: number, seed: number): AgreementFuzzSummary {
  let received = 0;
  for (let run = 0; run < runs; run++) {
    try {
      received += annoy(new SeededRandom(seed, `agreement ${run}`));
    } catch (error) {
      throw new Error(`fuzzAgreement run ${run} of seed ${seed}`, { cause: error });
    }
  }
  return { runs, received };
}

function annoy(random: SeededRandom): number {
  const names = ['a', 'b', 'c'];
  const office = PostOffice.settled(names.join(' '));
  const overheard: Letter[] = [];
  office.intercept((letter) => {
    overheard.push(letter);
    return random.chance(0.02);
  });
  let received = 0;
  for (let i = 0; i < messagesARun; i++) {
    if (random.chance(0.5)) office.pass(random.below(2 * beatMs));
    if (random.chance(0.2)) office.order('a', 'something');
    if (random.chance(0.05)) office.cut('a', 'b');
    if (random.chance(0.1)) office.heal();
    const to = random.pick(names);
    const message = damaged(overheard, random);
    if (!message || senderOf(message) === office.at(to).incarnation) continue;
    office.hand({ from: '?', to, message });
    received++;
  }
  // What an honest peer says must still be sayable.
  office.intercept(({ message }) => decodeViewMessage(encodeViewMessage(message)) === undefined);
  office.heal();
  office.pass(recoveryMs);
  if (!office.share(names.join(' '))) throw new Error(`no common view: ${JSON.stringify(office.views())}`);
  return received;
}

/** Rare kinds are chosen as often as beats, which are most of the traffic. */
function damaged(overheard: readonly Letter[], random: SeededRandom): ViewMessage | undefined {
  if (overheard.length === 0) return undefined;
  const kinds = [...new Set(overheard.map(({ message }) => message.kind))];
  const kind = random.pick(kinds);
  const { message } = random.pick(overheard.filter((letter) => letter.message.kind === kind).slice(-20));
  return decodeViewMessage(mutateBytes(encodeViewMessage(message), random));
}
