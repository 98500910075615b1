/** How often a line of progress is worth reading. */
const INTERVAL_MS = 500;

export type ProgressLine = {
  show(text: string): void;
  /** Leaves the line as it stands and goes on below it. */
  end(): void;
};

/** One line on stderr that says how far something is: rewritten on a terminal, elsewhere a new line now and then. */
export function createProgressLine(): ProgressLine {
  const rewrites = process.stderr.isTTY;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let latest = '';
  let pending = false;

  function write(): void {
    pending = false;
    process.stderr.write(rewrites ? `\r${latest}` : `${latest}\n`);
  }

  return {
    show(text) {
      latest = text;
      pending = true;
      if (performance.now() - shownAtMs < INTERVAL_MS) return;
      shownAtMs = performance.now();
      write();
    },
    end() {
      if (pending) write();
      if (rewrites && latest !== '') process.stderr.write('\n');
    },
  };
}
