import { type Person, firstNameOf, linkTo } from './person.ts';

/** Leads to the page as another person, in a tab of its own: two tabs are two friends. */
export function BeLink({ person: { user, name } }: { readonly person: Person }) {
  return (
    <a
      class="quiet-link"
      href={linkTo(user)}
      target="_blank"
      rel="noopener"
      title={`Open the studio as ${name} in a new tab`}
      aria-label={`Be ${name}, in a new tab`}
    >
      Be {firstNameOf(name)} <span aria-hidden="true">↗</span>
    </a>
  );
}
