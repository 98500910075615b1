import { Avatar } from '../account/avatar.tsx';
import { Panel } from '../page/panel.tsx';
import type { StudioSession } from '../session/studio-session.ts';
import { OwnField } from './own-field.tsx';
import { CHOICES } from './own-status.ts';
import { StatusMark } from './status-mark.tsx';

/** What friends see of this person, and the means to change it. */
export function OwnStatusPanel({ session }: { readonly session: StudioSession }) {
  const own = session.own.value;
  return (
    <Panel id="you" title="You" aside={own.status === 'Invisible' ? 'friends see you offline' : undefined}>
      <div class="own-person">
        <Avatar name={session.person.name} />
        <span class="person-name">{session.person.name}</span>
        <code class="own-user">{session.person.user}</code>
      </div>
      <fieldset class="own-status">
        <legend class="unseen">Your status</legend>
        {CHOICES.map((status) => (
          <label key={status}>
            <input
              type="radio"
              name="own-status"
              value={status}
              checked={own.status === status}
              onChange={() => session.setOwn({ status })}
            />
            <span class="own-choice">
              <StatusMark status={status} />
              {status}
            </span>
          </label>
        ))}
      </fieldset>
      <div class="own-fields">
        <OwnField
          label="Activity"
          value={own.activity}
          placeholder="What are you doing?"
          onSet={(activity) => session.setOwn({ activity })}
        />
        <OwnField
          label="Project"
          value={own.project}
          placeholder="e.g. carillon"
          onSet={(project) => session.setOwn({ project })}
        />
        <OwnField
          label="Language"
          value={own.language}
          placeholder="e.g. TypeScript"
          onSet={(language) => session.setOwn({ language })}
        />
      </div>
    </Panel>
  );
}
