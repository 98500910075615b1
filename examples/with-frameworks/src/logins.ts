import { randomUUID } from 'node:crypto';

/** The app's own logins: here in memory, in an app wherever its sessions are. */
export type Logins = {
  /** @returns the token that the page logs in with, here and at Carillon */
  begin(user: string): string;
  userOf(token: string): string | undefined;
};

export function createLogins(): Logins {
  const users = new Map<string, string>();
  return {
    begin(user) {
      const token = randomUUID();
      users.set(token, user);
      return token;
    },
    userOf: (token) => users.get(token),
  };
}
