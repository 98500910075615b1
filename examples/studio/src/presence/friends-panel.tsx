import { type Signal, useComputed, useSignal } from '@preact/signals';
import { Avatar } from '../account/avatar.tsx';
import { BeLink } from '../account/be-link.tsx';
import { Panel } from '../page/panel.tsx';
import { timeOfDay } from '../page/time-of-day.ts';
import type { StudioSession } from '../session/studio-session.ts';
import { FollowButton, useFocusOnUndo } from './follow-button.tsx';
import { FriendRow } from './friend-row.tsx';
import { inOrder } from './friend-view.ts';

/** Where there is room to show whom one does not follow without being asked; as in layout.css. */
const ROOMY = '(min-width: 62rem)';

/** Whom this person follows, as they are now, and below them the people there are still to follow. */
export function FriendsPanel({ session }: { readonly session: StudioSession }) {
  const ordered = useComputed(() => inOrder(session.friends.value?.values() ?? [], session.nameOf)).value;
  const online = ordered.filter((friend) => friend.status !== 'Offline').length;
  const followFocus = useFocusOnUndo(session.friends);
  const isWaiting = session.friends.value === null;
  const { asOfMs } = session.connection.value;
  const isListOpen = useSignal(matchMedia(ROOMY).matches);

  const onUse = (user: string) => {
    // Whoever is unfollowed goes there, and should be seen to.
    isListOpen.value = true;
    followFocus(user);
  };

  return (
    <Panel
      id="friends"
      title="Friends"
      aside={
        isWaiting ? undefined : (
          <>
            {online} of {ordered.length} online
            {asOfMs !== null && <strong class="as-of">, as of {timeOfDay(asOfMs, 'minute')}</strong>}
          </>
        )
      }
    >
      {isWaiting && <p class="hint">Waiting for the first sync…</p>}
      {!isWaiting && ordered.length === 0 && (
        <p class="hint">You follow nobody. Follow someone below to see what they do.</p>
      )}
      <ul class="friends" aria-label="Friends" data-stale={asOfMs === null ? undefined : ''}>
        {ordered.map((friend) => (
          <FriendRow key={friend.user} friend={friend} session={session} onUse={onUse} />
        ))}
      </ul>
      {!isWaiting && <Strangers session={session} isOpen={isListOpen} onUse={onUse} />}
    </Panel>
  );
}

type StrangersProps = {
  readonly session: StudioSession;
  readonly isOpen: Signal<boolean>;
  onUse(user: string): void;
};

function Strangers({ session, isOpen, onUse }: StrangersProps) {
  const friends = session.friends.value;
  const strangers = session.people.filter(
    ({ user }) => user !== session.person.user && friends?.has(user) !== true,
  );
  if (strangers.length === 0) return null;
  return (
    <details
      class="strangers"
      open={isOpen.value}
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>Not followed ({strangers.length})</summary>
      <ul aria-label="Not followed">
        {strangers.map(({ user, name }) => (
          <li key={user} class="stranger" data-user={user}>
            <Avatar name={name} />
            <span class="person-name">{name}</span>
            <BeLink person={{ user, name }} />
            <FollowButton session={session} user={user} follow onUse={onUse} />
          </li>
        ))}
      </ul>
    </details>
  );
}
