// Runs before the first paint, so that a chosen theme does not flash the other one. `src/page/theme.ts` writes the key.
try {
  const theme = localStorage.getItem('carillon-studio-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is closed to this page (a privacy setting): the system's theme it is.
}
