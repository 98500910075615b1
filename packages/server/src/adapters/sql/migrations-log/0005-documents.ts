/**
 * Version 5. Snapshots and versions of documents. A state lies in parts, so that a large one is read a turn at a time; its number is
 * never given again, so that who finds the parts of one has found that one.
 */
export const documents = `
CREATE TABLE document_states (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes INTEGER NOT NULL) STRICT;
CREATE TABLE document_parts (
  state INTEGER NOT NULL,
  part INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (state, part)
) STRICT;

CREATE TABLE documents (
  channel TEXT PRIMARY KEY,
  -- The publications up to here are in the snapshot.
  epoch TEXT NOT NULL,
  "offset" INTEGER NOT NULL,
  -- Client ids and clocks in turn, a list as JSON.
  vector TEXT NOT NULL,
  owners TEXT NOT NULL,
  state INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE document_versions (
  channel TEXT NOT NULL,
  -- UTF-16BE, whose bytes sort as its UTF-16 units do.
  id BLOB NOT NULL,
  name TEXT,
  at_ms REAL NOT NULL,
  by_user TEXT,
  epoch TEXT NOT NULL,
  "offset" INTEGER NOT NULL,
  state INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;
`;
