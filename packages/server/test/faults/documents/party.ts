import { expect, vi } from 'vitest';
import { createReader, textOf } from '../../documents/yjs-client.ts';
import type { BareClient } from '../../wire/scene/bare-client.ts';
import { type Editor, openEditor } from './editor.ts';

const CONTRACT = new URL('../../../../contract/src/index.ts', import.meta.url).href;

/** The configuration of a server with documents of every level that it is asked for, open to all. */
export function documentConfig(durability: 'memory' | 'stored'): string {
  return `
import { defineContract, document } from '${CONTRACT}';
export default {
  contract: defineContract({
    channels: { 'doc:{id}': document({ durability: '${durability}', compactUpdates: 100, rate: { perSecond: 100_000, burst: 100_000 } }) },
  }),
  authorize: { 'doc:{id}': () => 'write' },
};
`;
}

export const CHANNEL = 'doc:party';

/** What every server of these tests lets its clients do. */
export const LIMITS = {
  CARILLON_LIMITS_NEW_SESSION_BURST: '1000',
  CARILLON_LIMITS_MESSAGES_PER_SECOND: '10000',
  CARILLON_LIMITS_MESSAGE_BURST: '10000',
};

/** The same numbers for the same seed (xorshift, 32 bits). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export type Party = {
  readonly editors: readonly Editor[];
  /** Everybody edits so many times, each at a pace of their own; now and then a line breaks. */
  edit(rounds: number, during?: (round: number) => Promise<void> | void): Promise<void>;
  /** Changes that wait for an answer. */
  underWay(): number;
  /** All have the same, whoever joins now has it too, and all that was acknowledged is there. */
  converged(
    join: () => Promise<BareClient>,
  ): Promise<{ readonly acknowledged: number; readonly text: string }>;
  end(): void;
};

const SETTLE_MS = 60_000;

export function openParty(count: number, pick: () => number, seed: number): Party {
  const random = seeded(seed);
  const editors = Array.from({ length: count }, (_, n) => openEditor(`u${n}`, CHANNEL, pick, random));
  return {
    editors,
    async edit(rounds, during) {
      for (let round = 0; round < rounds; round++) {
        for (const editor of editors) {
          if (random() < 0.8) editor.edit();
          if (random() < 0.01) editor.cut();
        }
        await during?.(round);
        // What the lines carry is read between the rounds.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    underWay: () => editors.filter(({ busy }) => busy).length,
    async converged(join) {
      await vi.waitUntil(() => editors.every(({ busy }) => !busy), { timeout: SETTLE_MS, interval: 50 });
      const [first] = editors;
      if (first === undefined) throw new Error('nobody is there');
      await vi.waitUntil(() => editors.every(({ doc }) => textOf(doc) === textOf(first.doc)), {
        timeout: SETTLE_MS,
        interval: 50,
      });
      const text = textOf(first.doc);
      const reader = await join();
      reader.send({ t: 'sub', c: CHANNEL, i: 1 });
      const answer = await reader.waitFor('the answer to the sub', ({ i }) => i === 1);
      await reader.settle();
      const late = createReader(answer);
      expect(late.read(reader.received.slice(reader.received.indexOf(answer) + 1))).toBe(text);
      const gone = new Set(editors.flatMap(({ deleted }) => [...deleted]));
      const there = new Set(text.match(/<[^>]*>/g));
      const all = editors.flatMap(({ acknowledged }) => [...acknowledged]);
      expect(all.filter((token) => !there.has(token) && !gone.has(token))).toEqual([]);
      // No token twice: what was sent again was taken once.
      expect(text.match(/<[^>]*>/g)?.length ?? 0).toBe(there.size);
      return { acknowledged: all.length, text };
    },
    end() {
      for (const editor of editors) editor.end();
    },
  };
}
