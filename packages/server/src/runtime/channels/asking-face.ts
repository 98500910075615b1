import type { Reply } from '@carillon/protocol';
import type { LinkState, LocalSession } from '../link-state.ts';
import type { ChannelsApi } from './channels-api.ts';

/** Whom the server calls: one session, or all of a user's that are connected. */
export type AskTarget = { readonly session: string } | { readonly user: string };

/** What came from one session, as it came: not yet held against the contract. Travels between nodes as JSON. */
export type RawAnswer = {
  readonly session: string;
  readonly reply: { readonly d?: unknown; readonly code?: string | undefined } | 'late' | 'gone';
};

/** Calls of the server to clients that wait for their answers. */
export type Asking = Pick<ChannelsApi, 'ask'> & {
  readonly size: number;
  /** Calls the sessions of this node. `input` is JSON; '' where there is none. */
  collect(target: AskTarget, name: string, input: string, timeoutMs: number): Promise<readonly RawAnswer[]>;
  reply(link: LinkState, session: LocalSession, message: Reply): void;
  /** The session's connection is gone: whether what it was asked was carried out is not known. */
  gone(session: LocalSession): void;
};

/** Calls the sessions of other nodes; resolves with what came from them. */
export type CollectElsewhere = Asking['collect'];
