/** Tabs of one browser share one connection: `createClient({ …, tabs: shareTabs() })`. */
import { shareLines } from './share-lines.ts';
import { type TabHost, hostTabs } from './tab-host.ts';
import type { TabSharing } from './tab-sharing.ts';

export type { LockManagerLike, TabChannelLike, TabHost } from './tab-host.ts';
export type { TabSharing } from './tab-sharing.ts';

export type ShareTabsOptions = {
  /**
   * Only tabs with the same name share. An app gives its version here, or that of its contract, where tabs of two versions must
   * not serve each other's calls.
   */
  readonly name?: string | undefined;
  /** Absent: the browser's locks and channels. */
  readonly host?: TabHost | null | undefined;
};

/**
 * Lets the tabs of a browser that have the same user at the same server share one connection and one session. Where the
 * browser has no Web Locks or no BroadcastChannel, and outside of a page, each client has a connection of its own.
 */
export function shareTabs({ name = '', host = hostTabs() }: ShareTabsOptions = {}): TabSharing {
  return (parts) => (host === null || parts.platform.page === null ? null : shareLines(parts, host, name));
}
