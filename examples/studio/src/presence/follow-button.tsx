import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { StudioSession } from '../session/studio-session.ts';
import type { FriendView } from './friend-view.ts';

type FollowButtonProps = {
  readonly session: StudioSession;
  readonly user: string;
  /** What the button does: follow, or stop following. */
  readonly follow: boolean;
  /** Told before the roster changes. */
  onUse(user: string): void;
};

export function FollowButton({ session, user, follow, onUse }: FollowButtonProps) {
  const word = follow ? 'Follow' : 'Unfollow';
  return (
    <button
      type="button"
      class={follow ? 'small' : 'small quiet'}
      // A network that is down takes HTTP with it, and the page would not see the change anyway.
      disabled={session.isCut.value}
      aria-label={`${word} ${session.nameOf(user)}`}
      onClick={() => {
        onUse(user);
        void session.setFollow(user, follow);
      }}
    >
      {word}
    </button>
  );
}

/**
 * Whoever follows or unfollows by keyboard loses the button with the row it stood in: the focus goes on to the button
 * that undoes it.
 *
 * @returns to be told when a follow button is used
 */
export function useFocusOnUndo(
  friends: ReadonlySignal<ReadonlyMap<string, FriendView> | null>,
): (user: string) => void {
  const used = useRef<{ readonly user: string; readonly wasFriend: boolean } | null>(null);
  const now = friends.value;

  useEffect(() => {
    if (used.current === null || now === null) return;
    const { user, wasFriend } = used.current;
    if (now.has(user) === wasFriend) return;
    used.current = null;
    // Elsewhere by now: the focus stays where the person put it.
    if (document.activeElement !== document.body) return;
    document.querySelector<HTMLElement>(`#friends [data-user="${CSS.escape(user)}"] button`)?.focus();
  }, [now]);

  return (user) => {
    used.current = { user, wasFriend: now?.has(user) === true };
  };
}
