/**
 * Version 1. Users have integer keys, because an edge of two integers takes a quarter of one of two names. `at` columns
 * are stamps (microseconds since the epoch), `_ms` columns milliseconds since the epoch.
 */
export const directoryAndJournal = `
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  last_seen_ms INTEGER
) STRICT;

CREATE TABLE follows (
  follower INTEGER NOT NULL,
  followee INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (follower, followee)
) STRICT, WITHOUT ROWID;
CREATE INDEX follows_by_followee ON follows (followee, follower);

CREATE TABLE blocks (
  blocker INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  PRIMARY KEY (blocker, blocked)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_blocked ON blocks (blocked, blocker);

-- owner counts friend among their close friends.
CREATE TABLE close_friends (
  owner INTEGER NOT NULL,
  friend INTEGER NOT NULL,
  PRIMARY KEY (owner, friend)
) STRICT, WITHOUT ROWID;
CREATE INDEX close_friends_by_friend ON close_friends (friend, owner);

-- The latest edit of an edge that the edge itself does not show: it is gone, hidden, or changed its kind. Subject 0
-- stands for the viewer's whole roster: somebody on it was erased and can be named no more.
CREATE TABLE roster_changes (
  viewer INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (viewer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX roster_changes_by_at ON roster_changes (at);
CREATE INDEX roster_changes_by_subject ON roster_changes (subject);

CREATE TABLE directory_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The highest stamp among the roster changes that were purged.
  complete_from INTEGER NOT NULL
) STRICT;
INSERT INTO directory_state (id, complete_from) VALUES (1, 0);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  device TEXT NOT NULL,
  generation INTEGER NOT NULL,
  token_hash TEXT NOT NULL,
  previous_token_hash TEXT,
  detached_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
  user_name TEXT NOT NULL,
  device TEXT NOT NULL,
  status TEXT NOT NULL,
  -- A JSON object of the presence fields.
  fields TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  lease_expires_at_ms INTEGER,
  PRIMARY KEY (user_name, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  alive_at_ms INTEGER,
  stamp INTEGER NOT NULL
) STRICT;
INSERT INTO journal_state (id, alive_at_ms, stamp) VALUES (1, NULL, 0);
`;
