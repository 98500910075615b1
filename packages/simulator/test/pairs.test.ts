import { expect, it } from 'vitest';
import { PAIR_FORMS } from '../src/paired/pair-form.ts';
import { runPair } from '../src/paired/pair-run.ts';
import { difference } from '../src/paired/transcript.ts';

const PAIRS = 60;
const TIMEOUT_MS = 180_000;

it.each(PAIR_FORMS)(
  '[PRE5] an invisible user equals one who is %s, byte for byte, for everyone else',
  { timeout: TIMEOUT_MS },
  async (form) => {
    let compared = 0;
    let lines = 0;
    for (let seed = 1; seed <= PAIRS; seed++) {
      const pair = await runPair(String(seed), form);
      expect(pair.problem, `pair ${seed}`).toBeNull();
      if (!pair.comparable) continue;
      expect(difference(pair.invisible, pair.other), `pair ${seed}`).toBeNull();
      compared++;
      lines += pair.other.lines.length;
    }
    expect(compared).toBeGreaterThan(PAIRS / 2);
    expect(lines).toBeGreaterThan(compared * 100);
  },
);
