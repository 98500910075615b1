import { type Theme, THEMES, setTheme, theme } from './theme.ts';

const WORDS: Record<Theme, string> = { system: 'As the system', light: 'Light', dark: 'Dark' };

/** Three radio buttons in the clothes of one control: arrows move between them, as in any group. */
export function ThemeSwitch() {
  return (
    <fieldset class="theme-switch">
      <legend class="unseen">Theme</legend>
      {THEMES.map((each) => (
        <label key={each} title={WORDS[each]}>
          <input
            type="radio"
            name="theme"
            value={each}
            checked={theme.value === each}
            onChange={() => setTheme(each)}
          />
          <ThemeDrawing theme={each} />
          <span class="unseen">{WORDS[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}

function ThemeDrawing({ theme: drawn }: { readonly theme: Theme }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      {drawn === 'light' && (
        <>
          <circle cx="8" cy="8" r="3" />
          <path d="M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1" />
        </>
      )}
      {drawn === 'dark' && <path d="M13.2 9.8A5.7 5.7 0 0 1 6.2 2.8a5.7 5.7 0 1 0 7 7z" />}
      {drawn === 'system' && (
        <>
          <circle cx="8" cy="8" r="5.5" />
          <path class="filled" d="M8 2.5a5.5 5.5 0 0 1 0 11z" />
        </>
      )}
    </svg>
  );
}
