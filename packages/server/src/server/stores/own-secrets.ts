/** Names of the server's own secrets among those that the database keeps. */
export const OWN_SECRET = 'grants';
export const DATABASE_ID = 'database';
