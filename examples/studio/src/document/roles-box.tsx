import { firstNameOf } from '../account/person.ts';
import type { StudioSession } from '../session/studio-session.ts';
import type { DocumentDesk } from './document-desk.ts';
import { ROLES, ROLE_WORDS, type Role } from './role.ts';

/** Who may do what. Whoever writes may change it for others, and it holds at once. */
export function RolesBox({
  desk,
  session,
}: {
  readonly desk: DocumentDesk;
  readonly session: StudioSession;
}) {
  const table = desk.roles.value;
  if (table === null) return null;
  const { owner, usual, roles } = table;
  const giving = desk.giving.value;
  const may = desk.info.value.role === 'write';
  const here = new Set(desk.here.value.map(({ user }) => user));
  const roleOf = (user: string): Role => (user === owner ? 'write' : (roles[user] ?? usual));
  return (
    <details class="doc-box doc-roles" open>
      <summary>
        <h3>Who may what</h3>
      </summary>
      <ul aria-label="Roles">
        {session.people.map(({ user, name }) => (
          <li
            key={user}
            data-user={user}
            data-role={roleOf(user)}
            data-here={here.has(user) ? '' : undefined}
          >
            <span>{user === session.person.user ? `${firstNameOf(name)} (you)` : name}</span>
            {!may || user === owner || user === session.person.user ? (
              <span class="hint">{user === owner ? 'owns it' : ROLE_WORDS[roleOf(user)]}</span>
            ) : (
              <select
                aria-label={`What ${name} may do`}
                value={giving?.user === user ? giving.role : roleOf(user)}
                onChange={(event) => desk.setRole(user, event.currentTarget.value as Role)}
              >
                {ROLES.map((role) => (
                  <option key={role} value={role}>
                    {ROLE_WORDS[role]}
                  </option>
                ))}
              </select>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
