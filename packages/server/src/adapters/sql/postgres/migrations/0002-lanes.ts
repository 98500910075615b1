/**
 * Version 2. The lanes outlive a channel that gave way to another, so they go by its name. A program of version 1 beside this one
 * knows nothing of them, and does no harm.
 */
export const lanes = `
-- The highest number taken of each lane: of one user's queue on one channel.
CREATE TABLE lanes (
  channel text COLLATE "C" NOT NULL,
  scope bytea NOT NULL,
  queue bytea NOT NULL,
  number bigint NOT NULL,
  -- Where that one is; 0: it was dropped as outdated, and is nowhere.
  epoch text NOT NULL,
  "offset" bigint NOT NULL,
  at_ms double precision NOT NULL,
  PRIMARY KEY (channel, scope, queue)
);
CREATE INDEX lanes_by_at ON lanes (at_ms);
`;
