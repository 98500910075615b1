/** Version 4. For how long the ids of each channel are held; for all it was five minutes. */
export const idempotencyWindows = `
ALTER TABLE channels ADD COLUMN keep_once_ms REAL NOT NULL DEFAULT 300000;
`;
