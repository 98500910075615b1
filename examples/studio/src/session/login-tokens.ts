import { type Answer, fetchToken, setFollow } from '../account/dev-api.ts';

/** A person's login token: fetched when it is wanted, and used for what the person edits over HTTP. */
export type LoginTokens = {
  /** For the client. @throws Error with the code where none can be had; the client asks again after a pause */
  fetch(): Promise<string>;
  /**
   * For the app's backend: the newest there is, unless that was refused.
   *
   * @throws Error as `fetch` does
   */
  current(isRefused: boolean): Promise<string>;
  setFollow(other: string, follow: boolean): Promise<Answer<boolean>>;
};

export function createLoginTokens(user: string): LoginTokens {
  let newest: string | null = null;

  async function renew(): Promise<Answer<string>> {
    const answer = await fetchToken(user);
    if (answer.ok) newest = answer.value;
    return answer;
  }

  async function fetch(): Promise<string> {
    const answer = await renew();
    if (!answer.ok) throw new Error(`no login token: ${answer.code}`);
    return answer.value;
  }

  return {
    fetch,
    current: async (isRefused) => (isRefused ? null : newest) ?? fetch(),
    async setFollow(other, follow) {
      if (newest !== null) {
        const answer = await setFollow(newest, other, follow);
        // It ran out, or the server started anew with another secret.
        if (answer.ok || answer.status !== 401) return answer;
      }
      const renewed = await renew();
      return renewed.ok ? setFollow(renewed.value, other, follow) : renewed;
    },
  };
}
