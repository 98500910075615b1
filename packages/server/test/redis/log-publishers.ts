import { expect } from 'vitest';
import type { Append, AppendResult, Publication, PublishingLog } from '../../src/ports/log.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';

/** Appends that are answered one after the other, so that some are under way whenever something breaks. */
export const AT_ONCE = 100;

/** Where they append to. */
export const CHANNELS = ['chat:0', 'chat:1', 'chat:2', 'tasks:a'];

/** With an id of its own, into one of three streams or, with a key that runs out, a map. */
export function numbered(n: number): Append {
  return appendOf({
    channel: n % 4 === 3 ? 'tasks:a' : `chat:${n % 4}`,
    ...(n % 4 === 3 ? { kind: 'map', key: `k${n % 40}`, ttlMs: 60_000 } : {}),
    data: String(n),
    once: { scope: `p${n % AT_ONCE}`, id: String(n), print: String(n) },
  });
}

/** What became of each append until the first of them failed; `null`: nobody knows. */
export type Fates = Map<number, AppendResult | null>;

/** Publishers that append one thing after the other until they are told that it failed. */
export async function publishUntilItFails(
  log: PublishingLog,
  acknowledged: (count: number) => void,
): Promise<Fates> {
  const fates: Fates = new Map();
  let count = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, publisher) => {
      for (let n = publisher; ; n += AT_ONCE) {
        fates.set(n, null);
        try {
          fates.set(n, await log.append(numbered(n)));
        } catch (error) {
          expect(isStoreUnavailable(error), String(error)).toBe(true);
          return;
        }
        acknowledged(++count);
      }
    }),
  );
  return fates;
}

/** Appends of which nobody knows what became of them. */
export function unknownOf(fates: Fates): readonly number[] {
  return [...fates].filter(([, fate]) => fate === null).map(([n]) => n);
}

/** All that is kept of each channel, from its first publication. */
export async function allOf(log: PublishingLog): Promise<Map<string, readonly Publication[]>> {
  const all = new Map<string, readonly Publication[]>();
  for (const channel of CHANNELS) {
    const top = await log.top(channel);
    const read = await log.read(channel, { ...top, offset: 0 }, PLENTY, T0);
    if (!read.ok) throw new Error(read.why);
    expect(read.publications.map(({ offset }) => offset)).toEqual(read.publications.map((_, i) => i + 1));
    all.set(channel, read.publications);
  }
  return all;
}

/** Repeats what nobody knows of, and compares: everything is there once, and what was acknowledged is where it was said to be. */
export async function everythingIsThereOnce(log: PublishingLog, fates: Fates): Promise<number> {
  let duplicates = 0;
  const repeat = async () =>
    Promise.all(
      unknownOf(fates).map(async (n) => {
        const result = await log.append(numbered(n));
        expect(result.ok).toBe(true);
        if ('duplicate' in result) duplicates++;
      }),
    );
  await repeat();
  const found = duplicates;
  await repeat();
  const all = await allOf(log);
  const data = [...all.values()].flat().map((publication) => Number(publication.data));
  expect(data.toSorted((a, b) => a - b)).toEqual([...fates.keys()].toSorted((a, b) => a - b));
  for (const [n, fate] of fates) {
    if (fate === null || !('publication' in fate)) continue;
    expect(all.get(numbered(n).channel)?.[fate.publication.offset - 1]).toEqual(fate.publication);
  }
  return found;
}

function acknowledgedOf(fates: Fates): readonly { readonly channel: string; readonly fate: AppendResult }[] {
  return [...fates].flatMap(([n, fate]) => (fate === null ? [] : [{ channel: numbered(n).channel, fate }]));
}

/** No two publications were given one position. */
export function noPositionTwice(lives: readonly Fates[]): void {
  const seen = new Set<string>();
  for (const { channel, fate } of lives.flatMap(acknowledgedOf)) {
    if (!('publication' in fate)) continue;
    const position = `${channel} ${fate.epoch} ${fate.publication.offset}`;
    expect(seen.has(position), position).toBe(false);
    seen.add(position);
  }
  expect(seen.size, 'publications that were acknowledged').toBeGreaterThanOrEqual(400);
}

/** Publishes the first hundreds of numbers, all at once. */
export async function publishAll(log: PublishingLog, hundreds: number): Promise<Fates> {
  const numbers = Array.from({ length: hundreds * AT_ONCE }, (_, n) => n);
  const results = await Promise.all(numbers.map(async (n) => [n, await log.append(numbered(n))] as const));
  return new Map(results);
}
