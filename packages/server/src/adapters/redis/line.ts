import { createClient, RESP_TYPES } from '@redis/client';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { createDeadline } from './deadline.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { commandError, errorWord, reasonOf } from './redis-errors.ts';
import type { RedisArgument, Reply } from './redis-link.ts';
import type { RedisAddress, RedisLogin, RedisTls } from './redis-settings.ts';

/** A server may be reached, greeted and asked who it is in so many ms, or counts as unreachable. */
const CONNECT_TIMEOUT_MS = 5_000;

export type LineSettings = {
  readonly address: RedisAddress;
  readonly login: RedisLogin;
  readonly tls: RedisTls | null;
  readonly commandTimeoutMs: number;
};

/**
 * One connection to one server, from its opening to its end: it is never made anew by itself, so that whoever holds it
 * knows that it is the same server all the time.
 *
 * - Commands are sent in the order of the calls, and answered in it; none is sent twice.
 * - A command rejects with `storeUnavailable` where the connection ends before the answer, and then everything in flight does.
 */
export type Line = {
  readonly address: RedisAddress;
  readonly open: boolean;
  send(args: readonly RedisArgument[]): Promise<Reply>;
  /** Ends it; commands in flight reject. */
  close(reason: string): void;
};

export type OpenLine = Line & { readonly client: LineClient };

/** What the subscriber needs of the client beside commands. */
export type LineClient = ReturnType<typeof newClient>;

/**
 * Connects and logs in.
 *
 * @param onEnd called once when an open line ends, whoever ended it
 * @throws whatever the connection attempt failed with, as it is
 */
export async function openLine(
  settings: LineSettings,
  { clock }: Pick<RedisLinkDeps, 'clock'>,
  onEnd: (reason: string) => void,
): Promise<OpenLine> {
  const { address } = settings;
  const client = newClient(settings);
  let open = false;
  let ended: string | null = null;

  const deadline = createDeadline(clock, settings.commandTimeoutMs, () =>
    end(`no answer within ${settings.commandTimeoutMs} ms`),
  );

  function end(reason: string): void {
    if (ended !== null) return;
    ended = reason;
    deadline.stop();
    // Rejects whatever is in flight.
    client.destroy();
    if (!open) return;
    open = false;
    onEnd(reason);
  }

  // The client reports each failure of the connection here, and then rejects what is in flight.
  client.on('error', (error: unknown) => end(reasonOf(error)));

  const late = clock.setTimer(CONNECT_TIMEOUT_MS, () => end(`no connection within ${CONNECT_TIMEOUT_MS} ms`));
  try {
    await client.connect();
  } catch (error) {
    end(reasonOf(error));
    throw error;
  } finally {
    late.cancel();
  }
  if (ended !== null) throw storeUnavailable(`Redis: ${ended as string}`);
  open = true;

  return {
    address,
    client,
    get open() {
      return open;
    },
    async send(args) {
      if (!open) throw storeUnavailable(`Redis: ${ended ?? 'the connection is closed'}`);
      deadline.sent();
      try {
        return await client.sendCommand<Reply>(args);
      } catch (error) {
        // It was demoted: whoever the primary is now, it is not at the other end of this line.
        if (errorWord(error) === 'READONLY') end('the server is no primary any more');
        throw ended === null ? commandError(error) : storeUnavailable(`Redis: ${ended}`, error);
      } finally {
        deadline.answered();
      }
    },
    close: end,
  };
}

function newClient({ address, login, tls }: LineSettings) {
  return createClient({
    RESP: 3,
    ...(login.username === null ? {} : { username: login.username }),
    ...(login.password === null ? {} : { password: login.password }),
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    commandOptions: {
      // Each command with a timer of its own would cost more than the command; the line has one.
      timeout: 0,
      typeMapping: { [RESP_TYPES.MAP]: Map },
    },
    socket: {
      host: address.host,
      port: address.port,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: false,
      ...(tls === null
        ? {}
        : {
            tls: true as const,
            servername: tls.serverName ?? address.host,
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.cert === null ? {} : { cert: tls.cert }),
            ...(tls.key === null ? {} : { key: tls.key }),
          }),
    },
  });
}
