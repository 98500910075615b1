import { afterEach, expect, it } from 'vitest';
import { loginToken } from '../wire/scene/login-token.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { within } from '../wire/scene/within.ts';

let scene: Scene;
afterEach(() => scene.close());

const PEOPLE = 60;
/** Tokens that have arrived when the fault strikes. */
const TOKENS_BEFORE = 400;

type Person = { readonly user: string; readonly jwt: string; resume: string | undefined };

/** Logins that were sent and not answered when the fault struck. */
type Storm = { readonly inFlight: number };

/**
 * Everyone logs in, drops as soon as the token is there, and logs in again with it, until the server is gone. A person
 * who holds a token and is not resumed fails the test.
 *
 * @param strike called once, when enough tokens have arrived
 */
async function storm(people: readonly Person[], strike: () => void): Promise<Storm> {
  let asked = 0;
  let answered = 0;
  let inFlight = 0;

  async function comeAndGo(person: Person): Promise<void> {
    for (;;) {
      // Refused or reset: the fault has struck.
      const client = await scene.connect().catch(() => null);
      if (client === null || client.closedWith !== null) return;
      asked++;
      const { resume } = person;
      client.send({
        t: 'login',
        username: person.user,
        token: person.jwt,
        ...(resume === undefined ? {} : { resume }),
      });
      const token = await client.waitFor('token', ({ t }) => t === 'token').catch(() => null);
      if (token === null) return;
      expect(token['resumed'], `${person.user} is resumed`).toBe(resume !== undefined);
      person.resume = token['token'] as string;
      answered++;
      // At a moment in which somebody waits for an answer: the fault is to meet them.
      if (inFlight === 0 && answered >= TOKENS_BEFORE && asked > answered) {
        inFlight = asked - answered;
        strike();
      }
      client.drop();
    }
  }

  await Promise.all(people.map(comeAndGo));
  return { inFlight };
}

it('[LOG4] [RES2] whoever got a token can resume, whatever strikes while everybody logs in', async () => {
  scene = await openScene();
  const people: Person[] = await Promise.all(
    Array.from({ length: PEOPLE }, async (_, i) => ({
      user: `person${i}`,
      jwt: await loginToken(`person${i}`),
      resume: undefined,
    })),
  );
  for (const signal of ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
    const ended = Promise.withResolvers<unknown>();
    const { inFlight } = await storm(people, () => ended.resolve(scene.stop(signal)));
    await within(ended.promise, 'the server has ended');
    expect(inFlight, `logins in flight at ${signal}`).toBeGreaterThan(0);
    await scene.restart();
  }
  for (const { user, resume } of people) {
    const client = await scene.connect();
    const { token } = await client.logIn(user, { resume });
    expect(token['resumed'], `${user} is resumed`).toBe(true);
  }
});
