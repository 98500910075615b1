/**
 * Version 5. Snapshots and versions of documents. A state lies in parts, so that a large one is no single message; its number is never
 * given again, so that who finds the parts of one has found that one. What is in parts is not compressed once more: that would cost
 * the server more time than it saves room.
 */
export const documents = `
CREATE SEQUENCE document_states;
CREATE TABLE document_parts (
  state bigint NOT NULL,
  part integer NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (state, part)
);
ALTER TABLE document_parts ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE documents (
  channel text COLLATE "C" PRIMARY KEY,
  -- The publications up to here are in the snapshot.
  epoch text NOT NULL,
  "offset" bigint NOT NULL,
  -- Client ids and clocks in turn, a list as JSON.
  vector text NOT NULL,
  owners text NOT NULL,
  state bigint NOT NULL,
  bytes bigint NOT NULL
);

CREATE TABLE document_versions (
  channel text COLLATE "C" NOT NULL,
  id bytea NOT NULL,
  name text,
  at_ms double precision NOT NULL,
  by_user text,
  epoch text NOT NULL,
  "offset" bigint NOT NULL,
  state bigint NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (channel, id)
);
`;
