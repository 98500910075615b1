/**
 * Version 4. For how long the ids of each channel are held; for all it was five minutes. A program of version 3 beside this one goes
 * on dropping what is older than that, so longer windows hold once none is left.
 */
export const idempotencyWindows = `
ALTER TABLE channels ADD COLUMN keep_once_ms double precision NOT NULL DEFAULT 300000;
`;
