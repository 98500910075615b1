/** Version 2. The last sign of life by the wall clock too: `alive_at_ms` goes on evenly whatever is done to that. */
export const aliveByTheWall = `
ALTER TABLE journal_state ADD COLUMN alive_wall_ms INTEGER;
`;
