/**
 * Version 3. What a publication answers. A program of version 2 beside this one leaves it out of what it writes, and reads what is
 * written as if there were none. Of a key that it sets anew the entry keeps what the value before answered: that was done, so whoever
 * waited for it is told nothing wrong.
 */
export const refs = `
ALTER TABLE publications ADD COLUMN ref text;
ALTER TABLE entries ADD COLUMN ref text;
`;
