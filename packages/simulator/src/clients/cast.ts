import type { Random } from '../random.ts';
import type { Owner } from '../time/virtual-time.ts';
import type { World } from '../world.ts';
import { createBareClient } from './bare-client.ts';
import { createSdkClient } from './sdk-client.ts';
import type { SimClient } from './sim-client.ts';

/** Ids as directories have them: with bars, colons, braces, and of different lengths. */
export const NAMES = ['al', 'bob', 'carol', 'dave|1', 'eve:x', '{fay}', 'gustav', 'heidi-k', 'ivan the 4th'];

/** Login tokens live from seconds to for ever. */
const TOKEN_LIVES_MS = [25_000, 90_000, 300_000, 3_600_000, null, null];

export type Role = {
  readonly name: string;
  readonly user: string;
  readonly kind: SimClient['kind'];
  readonly device: string | null;
};

/** At least eight clients: several devices of one user, and one device with several sessions. */
export function castRoles(random: Random, users: readonly string[]): readonly Role[] {
  const count = random.whole(Math.max(8, users.length), 13);
  return Array.from({ length: count }, (_, index) => {
    const user = users[index % users.length] as string;
    return {
      name: `${user}/${index}`,
      user,
      kind: random.chance(0.6) ? 'sdk' : 'bare',
      device: random.pick([null, null, 'phone', 'desk']),
    };
  });
}

/** @returns the client, which takes part in the script */
export function addClient(world: World, role: Role, stored: string | null = null): SimClient {
  const client = createClient(world, role, stored);
  world.clients.push(client);
  return client;
}

/** @param stored a resume token that the storage of the page holds */
export function createClient(world: World, role: Role, stored: string | null = null): SimClient {
  const random = world.random.fork(`client ${role.name}`);
  const lifeMs = random.pick(TOKEN_LIVES_MS);
  const { time, network, issuer, violations } = world;
  return role.kind === 'sdk'
    ? createSdkClient({
        ...role,
        time,
        random,
        network,
        stored,
        watch: world.channels?.watch,
        outboxes:
          world.channels !== null && random.fork('outbox').chance(0.5) ? world.channels.outboxes : null,
        async fetchToken(by: Owner) {
          await time.sleep(random.whole(0, 200), by);
          return random.chance(0.05) ? null : issuer.issue(role.user, lifeMs);
        },
      })
    : createBareClient({
        ...role,
        time,
        random,
        network,
        loginToken: () => issuer.issue(role.user, lifeMs),
        wrong: (detail) => violations.found('protocol', `${role.name}: ${detail}`),
      });
}

/** No more tabs than this: each takes the session from the one before. */
const MOST_CLIENTS = 16;

/** The browser copies the storage of a tab: a second page starts with the same resume token. */
export function addDuplicate(world: World, of: SimClient): void {
  if (of.kind !== 'sdk' || of.resume === null || world.clients.length >= MOST_CLIENTS) return;
  const session = world.model.sessions.byToken(of.resume);
  if (session !== undefined) session.duplicated = true;
  const role: Role = {
    name: `${of.user}/${world.clients.length}`,
    user: of.user,
    kind: 'sdk',
    device: of.device,
  };
  addClient(world, role, of.resume).come();
}
