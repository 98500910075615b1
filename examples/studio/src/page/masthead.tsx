import type { ComponentChildren } from 'preact';
import { Mark } from './mark.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

type MastheadProps = {
  /** Another number at each change of a friend: the bell strikes. */
  readonly strike?: number;
  /** At the end of the line: who this is. */
  readonly children?: ComponentChildren;
  /** Below the line; stays in sight with it. */
  readonly below?: ComponentChildren;
};

export function Masthead({ strike = 0, children, below }: MastheadProps) {
  return (
    <header class="masthead">
      <div class="masthead-row">
        <h1 class="masthead-name">
          <Mark strike={strike} />
          Carillon <span class="masthead-page">Studio</span>
        </h1>
        <div class="masthead-end">
          {children}
          <ThemeSwitch />
        </div>
      </div>
      {below}
    </header>
  );
}
