import { type LinkState, isClosed } from './link-state.ts';

/** What one turn may owe already, in UTF-16 units, for one replay more: small ones go out together, in one write. */
const OWED_UNITS = 64 * 1024;

/**
 * Does what sends a replay to a connection, once that has gone which was sent before. Where the connection goes instead it
 * is not done, and whoever waited is forgotten with it.
 */
export async function inReplayTurn(link: LinkState, work: () => Promise<void>): Promise<void> {
  const turns = (link.replayTurns ??= { isTaken: false, waiting: [] });
  if (turns.isTaken || !hasRoom(link)) await new Promise<void>((resolve) => turns.waiting.push(resolve));
  if (isClosed(link)) return;
  turns.isTaken = true;
  try {
    await work();
  } finally {
    turns.isTaken = false;
    nextReplay(link);
  }
}

/** Something that was sent has gone, or a replay has been sent: lets the next one go where there is room for it. */
export function nextReplay(link: LinkState): void {
  const turns = link.replayTurns;
  if (turns === null || turns.isTaken || !hasRoom(link)) return;
  const next = turns.waiting.shift();
  if (next === undefined) return;
  // From now on, not only once it runs: whoever asks meanwhile comes behind it.
  turns.isTaken = true;
  next();
}

function hasRoom({ connection, outbox }: LinkState): boolean {
  return (
    !connection.writing &&
    outbox.held === null &&
    (outbox.current === null || outbox.current.units < OWED_UNITS)
  );
}
