import { type KeyOrder, keysBehind } from '../../core/channel/key-order.ts';

/** A page of names; the next one begins behind `next`, null: this was the last. */
export type NamePage = { readonly names: readonly string[]; readonly next: string | null };

/** @param has whether a name is still one of them */
export function pageOf(
  order: KeyOrder,
  after: string | null,
  limit: number,
  has: (name: string) => boolean,
): NamePage {
  const { keys, more } = keysBehind(order, after, limit, has);
  return { names: keys, next: more ? (keys.at(-1) ?? null) : null };
}
