import type { ComponentChildren } from 'preact';
import { Avatar } from '../account/avatar.tsx';
import { BeLink } from '../account/be-link.tsx';
import { now } from '../page/clock.ts';
import type { StudioSession } from '../session/studio-session.ts';
import { FollowButton } from './follow-button.tsx';
import type { Changeable, FriendView } from './friend-view.ts';
import { agoText } from './last-seen.ts';
import { StatusMark } from './status-mark.tsx';

type RowProps = {
  readonly friend: FriendView;
  readonly session: StudioSession;
  /** Told before this friend is unfollowed. */
  onUse(user: string): void;
};

export function FriendRow({ friend, session, onUse }: RowProps) {
  const name = session.nameOf(friend.user);
  const lit = session.highlights.lit.value.get(friend.user);
  const isOffline = friend.status === 'Offline';

  /** A part of the row that lights up when its field changed; the key starts the animation anew. */
  const part = (field: Changeable, children: ComponentChildren) => {
    const isLit = lit?.fields.has(field) === true;
    return (
      <span
        key={isLit ? `${field} ${lit.number}` : field}
        class={`friend-${field}`}
        data-lit={isLit ? '' : undefined}
      >
        {children}
      </span>
    );
  };

  return (
    <li class="friend" data-user={friend.user} data-status={friend.status}>
      <span class="friend-face">
        <Avatar name={name} />
        <StatusMark status={friend.status} />
      </span>
      <span class="friend-who">
        <span class="person-name">{name}</span>
        {part(
          'status',
          isOffline && friend.seenMs !== null
            ? `Offline · ${agoText(friend.seenMs, now.value)}`
            : friend.status,
        )}
      </span>
      <span class="friend-what">
        {friend.activity !== '' && part('activity', friend.activity)}
        {(friend.project !== '' || friend.language !== '') && (
          <span class="friend-where">
            {friend.project !== '' && part('project', friend.project)}
            {friend.project !== '' && friend.language !== '' && <span aria-hidden="true">·</span>}
            {friend.language !== '' && part('language', friend.language)}
          </span>
        )}
      </span>
      <span class="friend-actions">
        <BeLink person={{ user: friend.user, name }} />
        <FollowButton session={session} user={friend.user} follow={false} onUse={onUse} />
      </span>
    </li>
  );
}
