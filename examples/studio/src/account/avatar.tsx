import { initialsOf } from './person.ts';

/** A person's initials; decoration only, the name stands beside it. */
export function Avatar({ name }: { readonly name: string }) {
  return (
    <span class="avatar" aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
