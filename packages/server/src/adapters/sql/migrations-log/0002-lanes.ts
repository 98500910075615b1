/** Version 2. The lanes outlive a channel that gave way to another, so they go by its name. */
export const lanes = `
ALTER TABLE log_state ADD COLUMN lanes INTEGER NOT NULL DEFAULT 0;

-- The highest number taken of each lane: of one user's queue on one channel.
CREATE TABLE lanes (
  channel TEXT NOT NULL,
  scope BLOB NOT NULL,
  queue BLOB NOT NULL,
  number INTEGER NOT NULL,
  -- Where that one is; 0: it was dropped as outdated, and is nowhere.
  epoch TEXT NOT NULL,
  "offset" INTEGER NOT NULL,
  at_ms REAL NOT NULL,
  PRIMARY KEY (channel, scope, queue)
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_by_at ON lanes (at_ms);
`;
