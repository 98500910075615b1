/**
 * Version 4. Events, and who is there, belong to the node that said so: several processes may share the file. And the stamps
 * under which an edit was committed so late that another process may have told a client that it has everything.
 */
export const eventsOfNodes = `
CREATE TABLE events_of_nodes (
  node TEXT NOT NULL,
  number INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (node, number)
) STRICT, WITHOUT ROWID;
INSERT INTO events_of_nodes SELECT '', number, id, type, subject, at_ms FROM webhook_events;
DROP TABLE webhook_events;
ALTER TABLE events_of_nodes RENAME TO webhook_events;

ALTER TABLE webhook_present ADD COLUMN node TEXT NOT NULL DEFAULT '';

CREATE TABLE late_edits (
  from_at INTEGER NOT NULL,
  until_at INTEGER NOT NULL
) STRICT;
`;
