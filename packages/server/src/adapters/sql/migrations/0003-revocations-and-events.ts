/** Version 3. What was revoked, keys the server made for itself, and events on their way to the app (webhooks). */
export const revocationsAndEvents = `
CREATE TABLE revoked_users (
  user_name TEXT PRIMARY KEY,
  issued_up_to_ms INTEGER NOT NULL,
  forget_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_users_by_end ON revoked_users (forget_at_ms);

CREATE TABLE revoked_tokens (
  token_id TEXT PRIMARY KEY,
  forget_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (forget_at_ms);

CREATE TABLE server_keys (
  name TEXT PRIMARY KEY,
  secret TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- In the order in which they happened.
CREATE TABLE webhook_events (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;

-- Users and channels of whom the last event said that they are there.
CREATE TABLE webhook_present (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
`;
