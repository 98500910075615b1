/** What reached everyone but one user, as it was handed to their lines, with the time. */
export type Transcript = {
  note(atMs: number, client: string, direction: 'up' | 'down', text: string): void;
  readonly lines: readonly string[];
};

/**
 * @param blank whether what is drawn at random for each login is left out: the draws are not those of the other run. Of
 *   stamps the microseconds too: they count what the node does for anyone within a millisecond, heartbeats included
 */
export function createTranscript(but: string, blank: boolean): Transcript {
  const lines: string[] = [];
  return {
    lines,
    note(atMs, client, direction, text) {
      if (direction === 'up' || client === but || client.startsWith(`${but}/`)) return;
      lines.push(`${atMs} ${client} ${blank ? withoutDraws(text) : text}`);
    },
  };
}

function withoutDraws(text: string): string {
  return text
    .replace(/"token":"[^"]*","session":"[^"]*"/, '"token":"","session":""')
    .replace(/("at":\d+)\d{3}/, '$1');
}

/** The first line in which two transcripts differ, with both forms of it; null where they are equal. */
export function difference(a: Transcript, b: Transcript): string | null {
  const length = Math.max(a.lines.length, b.lines.length);
  for (let i = 0; i < length; i++) {
    if (a.lines[i] !== b.lines[i])
      return `line ${i}:\n  ${a.lines[i] ?? 'nothing'}\n  ${b.lines[i] ?? 'nothing'}`;
  }
  return null;
}
