import type { Patterns } from '../../core/channel/patterns.ts';
import type { Awareness } from '../documents/awareness.ts';
import type { DocumentService } from '../documents/document-service.ts';
import type { Documents } from '../documents/documents.ts';
import type { Hub } from './hub.ts';
import type { MemberList } from './member-list.ts';
import type { RightExpiries } from './right-expiries.ts';
import type { Roles } from './roles.ts';
import type { Subscription } from '../link-state.ts';
import type { UserVisibility } from './user-visibility.ts';

/** What the parts of a node that deal with channels share. Built once, in channels.ts. */
export type ChannelParts = {
  readonly patterns: Patterns;
  readonly hub: Hub;
  readonly documents: Documents;
  readonly awareness: Awareness;
  readonly documentService: DocumentService;
  readonly members: MemberList;
  readonly visibility: UserVisibility;
  readonly expiries: RightExpiries;
  readonly roles: Roles;
  /** Ends a subscription: nothing more is sent of it, and its user leaves the channel. */
  end(subscription: Subscription): void;
};
