import { useComputed } from '@preact/signals';
import { Avatar } from '../account/avatar.tsx';
import { linkTo } from '../account/person.ts';
import { Panel } from '../page/panel.tsx';
import type { StudioSession } from '../session/studio-session.ts';
import { FollowButton, useFocusOnUndo } from './follow-button.tsx';
import { FriendRow } from './friend-row.tsx';
import { inOrder } from './friend-view.ts';

/** Whom this person follows, as they are now, and below them the people there are still to follow. */
export function FriendsPanel({ session }: { readonly session: StudioSession }) {
  const ordered = useComputed(() => inOrder(session.friends.value?.values() ?? [], session.nameOf)).value;
  const online = ordered.filter((friend) => friend.status !== 'Offline').length;
  const onUse = useFocusOnUndo(session.friends);
  const isWaiting = session.friends.value === null;

  return (
    <Panel
      id="friends"
      title="Friends"
      aside={isWaiting ? undefined : `${online} of ${ordered.length} online`}
    >
      {isWaiting && <p class="hint">Waiting for the first sync…</p>}
      {!isWaiting && ordered.length === 0 && (
        <p class="hint">You follow nobody. Follow someone below to see what they do.</p>
      )}
      <ul class="friends" aria-label="Friends">
        {ordered.map((friend) => (
          <FriendRow key={friend.user} friend={friend} session={session} onUse={onUse} />
        ))}
      </ul>
      {!isWaiting && <Strangers session={session} onUse={onUse} />}
    </Panel>
  );
}

type StrangersProps = { readonly session: StudioSession; onUse(user: string): void };

function Strangers({ session, onUse }: StrangersProps) {
  const friends = session.friends.value;
  const strangers = session.people.filter(
    ({ user }) => user !== session.person.user && friends?.has(user) !== true,
  );
  if (strangers.length === 0) return null;
  return (
    <section class="strangers" aria-labelledby="strangers-title">
      <h3 id="strangers-title">Not followed</h3>
      <ul aria-label="Not followed">
        {strangers.map(({ user, name }) => (
          <li key={user} class="stranger" data-user={user}>
            <Avatar name={name} />
            <span class="person-name">{name}</span>
            <a
              class="quiet-link"
              href={linkTo(user)}
              target="_blank"
              rel="noopener"
              aria-label={`Open the page as ${name} in a new tab`}
            >
              open ↗
            </a>
            <FollowButton session={session} user={user} follow onUse={onUse} />
          </li>
        ))}
      </ul>
    </section>
  );
}
