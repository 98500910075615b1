import type { StudioSession } from '../session/studio-session.ts';
import { Masthead } from './masthead.tsx';
import { REGIONS } from './panels.ts';

/** One person's page: the panels, and what happens around them. */
export function Desk({ session }: { readonly session: StudioSession }) {
  const notice = session.notice.value;
  return (
    <>
      <Masthead strike={session.highlights.count.value}>
        <span class="masthead-person">{session.person.name}</span>
        <button type="button" class="small" onClick={() => void session.logout()}>
          Log out
        </button>
      </Masthead>
      <p class="unseen" role="status">
        {session.announcement}
      </p>
      <div role="alert" class="notice-place">
        {notice !== null && (
          <p class="notice">
            {notice}
            <button type="button" class="small quiet" onClick={() => session.dismissNotice()}>
              Dismiss
            </button>
          </p>
        )}
      </div>
      <main class="desk">
        {REGIONS.map(({ name, panels }) => (
          <div key={name} class={`desk-${name}`}>
            {panels.map(({ id, Panel }) => (
              <Panel key={id} session={session} />
            ))}
          </div>
        ))}
      </main>
    </>
  );
}
