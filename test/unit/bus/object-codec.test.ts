/** The fuzzers of `npm run fuzz` for messages of throttles and caches, some of their runs; those of rows are by themselves. */
import { expect, it } from 'vitest';
import { fuzzCacheCodec, fuzzQuotaCodec } from '../../fuzz/object-codec.fuzz.ts';

it.each([
  ['throttles', fuzzQuotaCodec],
  ['caches', fuzzCacheCodec],
])(
  'R7 of random and damaged bytes about %s whatever is read can be sent again, and nothing throws',
  (_, fuzz) => {
    const { messages } = fuzz(1_000, 1);
    // Else the fuzzer would damage everything beyond recognition.
    expect(messages).toBeGreaterThan(50);
  },
);
