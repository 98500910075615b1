/** A target of the project and what came of it. */
export type Verdict = { readonly target: string; readonly value: string; readonly met: boolean };

/** A table in Markdown; the first column is text, the others are numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

export function verdicts(list: readonly Verdict[]): string {
  return table(
    ['target', 'measured', 'met'],
    list.map(({ target, value, met }) => [target, value, met ? 'yes' : '**no**']),
  );
}

/** A number with about three digits that say something. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
