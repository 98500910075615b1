import { storeUnavailable } from '../../ports/unavailable.ts';
import { createKeys } from './keys.ts';
import { errorWord, isRedisRefusal, reasonOf, redisRefusal } from './redis-errors.ts';
import type { RedisLink } from './redis-link.ts';
import { addressText, type RedisAddress, type RedisSettings, type RedisTopology } from './redis-settings.ts';
import type { ServerInfo } from './server-info.ts';
import type { Script } from './script.ts';

/** Sharded pub/sub came with it. */
const OLDEST = 7;

/** The only policy that never drops what it was given. */
const KEEPS_ALL = 'noeviction';

/** What the settings are called in what is told. */
const URL_SETTING = 'CARILLON_REDIS_URL';

/** Why a server will not do; null where it does. */
export function serverProblem(
  { version, role, policy }: ServerInfo,
  address: RedisAddress,
  topology: RedisTopology['kind'],
): Error | null {
  const at = addressText(address);
  if (!(Number.parseInt(version, 10) >= OLDEST))
    return redisRefusal(
      `${URL_SETTING}: Redis at ${at} is ${version || 'of no version'}: ${OLDEST}.0 or newer is needed`,
    );
  if (role !== 'master') {
    // Sentinels, and nodes of a Cluster, may be late to learn who the primary is: asking again will do.
    if (topology !== 'single') return storeUnavailable(`Redis at ${at} is no primary yet`);
    return redisRefusal(
      `${URL_SETTING}: Redis at ${at} is a replica: name its primary, or let Sentinel find it (redis+sentinel://…)`,
    );
  }
  if (policy !== KEEPS_ALL)
    return redisRefusal(
      `${URL_SETTING}: Redis at ${at} may drop what it was given (maxmemory-policy ${policy}): set maxmemory-policy to ${KEEPS_ALL}`,
    );
  return null;
}

/** One line about why the link or the broker could not be opened, and what to change. */
export function openingProblem(error: unknown, { topology, login, tls }: RedisSettings): string {
  if (isRedisRefusal(error)) return error.message;
  const where = addressesOf(topology);
  const reason = reasonOf(error);
  switch (rootWord(error)) {
    case 'WRONGPASS':
      return `${URL_SETTING}: Redis at ${where} refuses the user or the password`;
    case 'NOAUTH':
      return `${URL_SETTING}: Redis at ${where} asks for a password: write it like redis://USER:PASSWORD@HOST:PORT`;
    case 'NOPERM':
      return `${URL_SETTING}: the user ${login.username ?? 'default'} may not do what is needed at ${where} (docs/redis.md names the rights): ${reason}`;
    case 'LOADING':
      return `${URL_SETTING}: Redis at ${where} is still loading its data: start again when it has`;
  }
  if (/unknown command.*HELLO|NOPROTO/i.test(reason))
    return `${URL_SETTING}: Redis at ${where} is older than 7.0, or no Redis`;
  const hint =
    tls === null
      ? 'is it running, and does it speak TLS (then write rediss://)?'
      : 'is it running, does it speak TLS, and is its certificate trusted (redis.tls.caFile)?';
  return `${URL_SETTING}: Redis at ${where} cannot be reached (${reason}): ${hint}`;
}

/** Writes the app's id where there is none yet, and answers which one is there. */
const CLAIM: Script = {
  name: 'claim',
  lua: "redis.call('SET', KEYS[1], ARGV[1], 'NX') return redis.call('GET', KEYS[1])",
  knowsRun: false,
};

/**
 * Makes sure that keys of one prefix belong to one app: the first node writes the id of its database, and whoever has another
 * one is refused. To be asked again each time the line stands, for Redis may have come back empty.
 *
 * @throws RedisRefusal where another app has the prefix
 * @throws StoreUnavailable where Redis does not answer
 */
export async function claimPrefix(link: RedisLink, databaseId: string): Promise<void> {
  const key = createKeys(link.prefix).cluster('app');
  let owner;
  try {
    owner = await link.run(CLAIM, [key], [databaseId]);
  } catch (error) {
    if (errorWord(error) !== 'NOPERM') throw error;
    throw redisRefusal(
      `${URL_SETTING}: a right is missing (docs/redis.md names them): ${reasonOf(error)}`,
      error,
    );
  }
  if (owner !== databaseId)
    throw redisRefusal(
      `another app uses this Redis with the prefix ${JSON.stringify(link.prefix)}: set CARILLON_REDIS_PREFIX to one of its own`,
    );
}

function addressesOf(topology: RedisTopology): string {
  switch (topology.kind) {
    case 'single':
      return addressText(topology.address);
    case 'sentinel':
      return topology.sentinels.map(addressText).join(',');
    case 'cluster':
      return topology.nodes.map(addressText).join(',');
  }
}

/** The word that Redis answered with, also where the line wrapped the answer. */
function rootWord(error: unknown): string {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const word = errorWord(cause);
    if (word !== '' && !isRedisRefusal(cause)) return word;
  }
  return '';
}
