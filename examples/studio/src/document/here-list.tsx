import { firstNameOf, initialsOf } from '../account/person.ts';
import type { StudioSession } from '../session/studio-session.ts';
import type { DocumentDesk } from './document-desk.ts';
import type { PersonHere } from './people-here.ts';
import { colorOf } from './person-color.ts';
import { ROLE_WORDS } from './role.ts';

/** Who has the document open, and what they do in it. */
export function HereList({
  desk,
  session,
}: {
  readonly desk: DocumentDesk;
  readonly session: StudioSession;
}) {
  return (
    <ul class="doc-here" aria-label="Who is in the document">
      {desk.here.value.map((person) => {
        const name = session.nameOf(person.user);
        return (
          <li key={person.user} data-user={person.user} data-edits={person.edits ? '' : undefined}>
            <span
              class="doc-face"
              aria-hidden="true"
              style={{ '--who': colorOf(person.user, session.people) }}
            >
              {initialsOf(name)}
            </span>
            <span>
              {person.isOwn ? 'You' : firstNameOf(name)} <span class="doc-does">{wordFor(person)}</span>
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function wordFor({ role, edits, isOwn }: PersonHere): string {
  if (edits) return isOwn ? 'are editing' : 'is editing';
  if (role === null) return isOwn ? '' : 'is here';
  const word = ROLE_WORDS[role];
  if (!isOwn) return role === 'write' ? 'is reading along' : word;
  return role === 'none' ? 'are shut out' : `may ${role}`;
}
