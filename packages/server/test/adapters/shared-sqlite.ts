/** What each of the processes that share an SQLite file does. */
export const FRIENDS = 60;
/** Nobody follows more, whichever processes let them. */
export const LIMIT = 40;
export const ROUNDS = 4;
export const IMPORTED = 400;
export const EVENTS = 50;
