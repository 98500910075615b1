/** The `aud` of a grant. A login token never has it, whatever audience is configured. */
export const GRANT_AUDIENCE = 'carillon:grant';
