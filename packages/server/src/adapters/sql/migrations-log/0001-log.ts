/**
 * Version 1. Times are ms since the epoch, and REAL as counts and ages of retention are: a virtual clock has fractions, a
 * limit may be without end. Keys and ids are BLOBs of UTF-16BE, whose bytes sort as their UTF-16 units do.
 */
export const log = `
CREATE TABLE log_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The beginning of every epoch. A new one begins where the file cannot be shown to be the one last written to.
  era TEXT NOT NULL,
  -- Transactions since the era began.
  commits INTEGER NOT NULL,
  -- Epochs of the era: those of channels that were dropped count from 1.
  turns INTEGER NOT NULL,
  -- The turn of channels that never had a publication.
  untouched INTEGER NOT NULL,
  channels INTEGER NOT NULL,
  publications INTEGER NOT NULL,
  keys INTEGER NOT NULL,
  dropped INTEGER NOT NULL
) STRICT;
INSERT INTO log_state VALUES (1, '', 0, 0, 0, 0, 0, 0, 0);

-- Channels that had a publication.
CREATE TABLE channels (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  turn INTEGER NOT NULL,
  top INTEGER NOT NULL,
  -- The offset before the oldest publication that is kept.
  floor INTEGER NOT NULL,
  -- UTF-16 units of the payloads that are kept.
  units INTEGER NOT NULL,
  keys INTEGER NOT NULL,
  tombstones INTEGER NOT NULL,
  ids INTEGER NOT NULL,
  -- The retention of the last append: keys run out and publications age without one.
  keep_count REAL NOT NULL,
  keep_age_ms REAL NOT NULL,
  keep_units REAL NOT NULL,
  keep_keys REAL NOT NULL,
  -- When something of it may have aged out; null: nothing does.
  due_ms REAL
) STRICT;
CREATE INDEX channels_by_due ON channels (due_ms) WHERE due_ms IS NOT NULL;
-- Those that can give way to others.
CREATE INDEX empty_channels ON channels (id)
  WHERE due_ms IS NULL AND floor = top AND keys = 0 AND tombstones = 0 AND ids = 0;

-- Channels that were dropped, and the turn of the epoch in which they would begin again.
CREATE TABLE dropped_channels (name TEXT PRIMARY KEY, turn INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Clustered by channel, for what is recovered is a range of one. The payload comes last: aging does not read it.
CREATE TABLE publications (
  channel INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  at_ms REAL NOT NULL,
  units INTEGER NOT NULL,
  version REAL,
  by_user TEXT,
  key BLOB,
  data TEXT,
  PRIMARY KEY (channel, "offset")
) STRICT, WITHOUT ROWID;

-- The keys of maps. Without data: what is left of one that was deleted with a version.
CREATE TABLE entries (
  channel INTEGER NOT NULL,
  key BLOB NOT NULL,
  "offset" INTEGER NOT NULL,
  at_ms REAL NOT NULL,
  version REAL,
  expires_at_ms REAL,
  by_user TEXT,
  data TEXT,
  PRIMARY KEY (channel, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_by_expiry ON entries (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
CREATE INDEX tombstones ON entries (channel, "offset") WHERE data IS NULL;

-- Idempotency ids.
CREATE TABLE ids (
  channel INTEGER NOT NULL,
  id BLOB NOT NULL,
  "offset" INTEGER NOT NULL,
  at_ms REAL NOT NULL,
  print BLOB NOT NULL,
  PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ids_by_offset ON ids (channel, "offset");
`;
