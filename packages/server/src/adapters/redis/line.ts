import { isIP } from 'node:net';
import { createClient, RESP_TYPES } from '@redis/client';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { createDeadline } from './deadline.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { commandError, errorWord, reasonOf } from './redis-errors.ts';
import type { RedisArgument, Reply } from './redis-link.ts';
import type { RedisAddress, RedisLogin, RedisTls } from './redis-settings.ts';

export type LineSettings = {
  readonly address: RedisAddress;
  readonly login: RedisLogin;
  readonly tls: RedisTls | null;
  /** For an answer, and for the greeting when it connects. */
  readonly commandTimeoutMs: number;
};

export type LineEvents = {
  /** An open line ended, whoever ended it. Called once. */
  onEnd(line: Line, reason: string): void;
  /** The server took a subscription back: in a Cluster, the slot of the channel went elsewhere. */
  onTakenBack?(line: Line, channel: string): void;
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
  /** With strings as they are, and not as texts. */
  sendForBytes(args: readonly RedisArgument[]): Promise<Reply>;
  /** Resolves when all are subscribed; in a Cluster all have to lie in one slot. */
  subscribe(channels: readonly string[], listener: (text: string, channel: string) => void): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
  /** Ends it; commands in flight reject. */
  close(reason: string): void;
};

/** Overrides what is set for the line as a whole. */
const BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/**
 * Connects and logs in.
 *
 * @throws whatever the attempt failed with, as it is
 */
export async function openLine(
  settings: LineSettings,
  { clock }: Pick<RedisLinkDeps, 'clock'>,
  events: LineEvents,
): Promise<Line> {
  const { address, commandTimeoutMs } = settings;
  const client = newClient(settings);
  let open = false;
  let ended: string | null = null;
  const deadline = createDeadline(clock, commandTimeoutMs, () =>
    end(`no answer within ${commandTimeoutMs} ms`),
  );

  function end(reason: string): void {
    if (ended !== null) return;
    ended = reason;
    deadline.stop();
    // Rejects whatever is in flight.
    client.destroy();
    if (!open) return;
    open = false;
    events.onEnd(line, reason);
  }

  async function exchange<T>(sending: () => Promise<T>): Promise<T> {
    if (!open) throw storeUnavailable(`Redis: ${ended ?? 'there is no connection'}`);
    deadline.sent();
    try {
      return await sending();
    } catch (error) {
      // It was demoted: whoever the primary is now, it is not at the other end of this line.
      if (errorWord(error) === 'READONLY') end('the server is no primary any more');
      throw ended === null ? commandError(error) : storeUnavailable(`Redis: ${ended}`, error);
    } finally {
      deadline.answered();
    }
  }

  const line: Line = {
    address,
    get open() {
      return open;
    },
    send: (args) => exchange(() => client.sendCommand<Reply>(args)),
    sendForBytes: (args) => exchange(() => client.sendCommand<Reply>(args, BYTES)),
    subscribe: (channels, listener) => exchange(() => client.sSubscribe([...channels], listener)),
    unsubscribe: (channels) => exchange(() => client.sUnsubscribe([...channels])),
    close: end,
  };

  // The client reports each failure of the connection here, and then rejects what is in flight.
  client.on('error', (error: unknown) => end(reasonOf(error)));
  client.on('sharded-channel-moved', (channel: string) => events.onTakenBack?.(line, channel));

  const late = clock.setTimer(commandTimeoutMs, () => end(`no connection within ${commandTimeoutMs} ms`));
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
  return line;
}

function newClient({ address, login, tls, commandTimeoutMs }: LineSettings) {
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
      connectTimeout: commandTimeoutMs,
      reconnectStrategy: false,
      ...(tls === null
        ? {}
        : {
            tls: true as const,
            ...servername(tls.serverName ?? address.host),
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.cert === null ? {} : { cert: tls.cert }),
            ...(tls.key === null ? {} : { key: tls.key }),
          }),
    },
  });
}

/** RFC 6066, section 3: an address is no name to ask for. The certificate is held against the host then. */
function servername(name: string): { readonly servername?: string } {
  return isIP(name) === 0 ? { servername: name } : {};
}
