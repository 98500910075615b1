import { Masthead } from '../page/masthead.tsx';
import { Avatar } from './avatar.tsx';
import { type Person, linkTo } from './person.ts';

type PersonPickerProps = {
  readonly people: readonly Person[];
  /** Said above the list when there is a reason to be here. */
  readonly reason: string | null;
  onPick(person: Person): void;
};

/** The door: who do you want to be? Links, so that a second person opens in a second tab the way links do. */
export function PersonPicker({ people, reason, onPick }: PersonPickerProps) {
  return (
    <>
      <Masthead />
      <main class="door">
        <h2 class="door-title">Who are you today?</h2>
        <p class="door-lead">
          Pick a person here and a friend of theirs in a second tab or window. Each sees the other the moment
          anything changes.
        </p>
        {reason !== null && (
          <p role="alert" class="notice">
            {reason}
          </p>
        )}
        <ul class="door-people">
          {people.map((person) => (
            <li key={person.user}>
              <a
                class="door-person"
                href={linkTo(person.user)}
                onClick={(event) => {
                  // With a modifier the browser opens a tab or a window, and this page stays.
                  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
                  event.preventDefault();
                  onPick(person);
                }}
              >
                <Avatar name={person.name} />
                <span class="person-name">{person.name}</span>
                <code>{person.user}</code>
              </a>
            </li>
          ))}
        </ul>
      </main>
    </>
  );
}
