/** Version 3. What a publication answers. */
export const refs = `
ALTER TABLE publications ADD COLUMN ref TEXT;
ALTER TABLE entries ADD COLUMN ref TEXT;
`;
