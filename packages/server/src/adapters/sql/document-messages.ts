/** A change of documents as it crosses to the log's thread. States are handed over, not copied. */
export type DocumentWrite =
  | {
      readonly kind: 'put';
      readonly channel: string;
      readonly epoch: string;
      readonly offset: number;
      readonly vector: string;
      readonly owners: string;
      readonly state: Uint8Array;
      /** null: only where there is none. */
      readonly replaces: { readonly epoch: string; readonly offset: number } | null;
    }
  | {
      readonly kind: 'addVersion';
      readonly channel: string;
      readonly id: string;
      readonly name: string | null;
      readonly atMs: number;
      readonly by: string | null;
      readonly epoch: string;
      readonly offset: number;
      readonly state: Uint8Array;
    }
  | { readonly kind: 'removeVersion'; readonly channel: string; readonly id: string }
  | { readonly kind: 'forget'; readonly channel: string };
