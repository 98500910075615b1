import { signal } from '@preact/signals';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Read before the first paint by `public/theme-first.js`. */
const STORAGE_KEY = 'carillon-studio-theme';

const chosen = signal<Theme>(themeOf(document.documentElement.dataset['theme']));

export const theme = chosen as { readonly value: Theme };

/** Shows the page in this theme, and remembers it where the browser lets the page store anything. */
export function setTheme(next: Theme): void {
  chosen.value = next;
  if (next === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = next;
  try {
    localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // Storage is closed to this page: the choice holds until it is left.
  }
}

function themeOf(value: string | undefined): Theme {
  return value === 'light' || value === 'dark' ? value : 'system';
}
