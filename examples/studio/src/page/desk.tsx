import { LineBanner } from '../line/line-banner.tsx';
import { LineLink } from '../line/line-link.tsx';
import type { StudioSession } from '../session/studio-session.ts';
import { JumpBar } from './jump-bar.tsx';
import { Masthead } from './masthead.tsx';
import { REGIONS } from './panels.ts';

/** One person's page: the panels, and what happens around them. */
export function Desk({ session }: { readonly session: StudioSession }) {
  const notice = session.notice.value;
  return (
    <>
      <Masthead
        strike={session.highlights.count.value}
        below={
          <>
            <JumpBar session={session} />
            <LineBanner session={session} />
          </>
        }
      >
        <LineLink session={session} />
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
