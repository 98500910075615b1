/** The part of the Web Locks API (W3C) that tabs agree by. */
export interface LockManagerLike {
  request(
    name: string,
    options: {
      readonly signal?: AbortSignal;
      readonly steal?: boolean;
      /** Absent: one has it at a time. */
      readonly mode?: 'shared';
    },
    held: () => Promise<void>,
  ): Promise<unknown>;
  query(): Promise<{
    readonly held?: readonly { readonly name?: string; readonly clientId?: string }[] | undefined;
  }>;
}

/** The part of BroadcastChannel (WHATWG HTML, section 9.5) that tabs talk over. */
export interface TabChannelLike {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  close(): void;
}

/** What the tabs of one browser have in common. */
export type TabHost = {
  readonly locks: LockManagerLike;
  open(name: string): TabChannelLike;
};

/** @returns null where the browser lacks one of the two, or there is no page: then each client has its own connection */
export function hostTabs(): TabHost | null {
  if (typeof navigator === 'undefined' || typeof BroadcastChannel === 'undefined') return null;
  // Absent in older browsers, and where the page was not loaded over https.
  const { locks } = navigator as { readonly locks?: LockManagerLike };
  return locks === undefined ? null : { locks, open: (name) => new BroadcastChannel(name) };
}
