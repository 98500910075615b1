import type { Bye, DownMessage } from '@carillon/protocol';
import type { Socket } from 'socket.io';
import type { Door } from '../../gate/door.ts';
import { type InnerClient, type InnerLine, openInnerLine } from '../../gate/inner-line.ts';
import { subjectOf } from '../../gate/token-subject.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { type Acknowledge, createDocuments, type Documents } from './documents.ts';
import type { WatchedConnection } from './engine-connection.ts';
import type { Names } from './names.ts';

/** The words of ADR-003's clients for every login that does not hold. */
const AUTHENTICATION_FAILED = 'Authentication failed';
const NOT_NOW = 'Service unavailable';

/** What a login may fail for without a fault of the token. */
const NOT_THE_TOKEN = ['unavailable', 'rate_limited', 'login_timeout', 'draining', 'slow_consumer'];

/** Close codes that a client must not come back from by itself (PROTOCOL.md, [ERR3]). */
const STOP_FROM = 4200;
const STOP_TO = 4299;
const SLOW = 'slow_consumer';

export type SocketSessionOptions = {
  readonly node: Pick<RealtimeNode, 'open'>;
  readonly door: Door;
  readonly names: Names;
  readonly pattern: string;
  /** What the door gave the connection below. */
  readonly id: number;
  readonly address: string;
  readonly connection: WatchedConnection;
};

/** One client of Socket.IO, as a session like any other. */
export type SocketSession = {
  /** The client is connected: its events are listened to. */
  connected(): void;
  /** All that waited for the transport has been taken. */
  drained(): void;
  /** The client sends binary data, which no channel carries. */
  binary(): void;
  /** The connection below is gone. */
  closed(): void;
};

/** Why a client is not let in; `data` reaches it as `error.data`. */
export type Refusal = Error & { readonly data: { readonly code: string; readonly retryAfterMs?: number } };

export function refusal(code: string, retryAfterMs?: number): Refusal {
  const isBusy = NOT_THE_TOKEN.includes(code);
  const data = isBusy && retryAfterMs !== undefined ? { code, retryAfterMs } : { code };
  return Object.assign(new Error(isBusy ? NOT_NOW : AUTHENTICATION_FAILED), { data });
}

/**
 * Logs a client in by the token of its handshake.
 *
 * @param answered is told once: undefined, or why not
 * @returns null where there is no token, and nothing was opened
 */
export function openSocketSession(
  socket: Socket,
  options: SocketSessionOptions,
  answered: (refused?: Refusal) => void,
): SocketSession | null {
  const { connection, names, pattern } = options;
  const { token, username } = socket.handshake.auth;
  const user = typeof token !== 'string' ? null : typeof username === 'string' ? username : subjectOf(token);
  if (user === null || typeof token !== 'string') {
    answered(refusal('token_invalid'));
    return null;
  }
  let state: 'logging-in' | 'in' | 'over' = 'logging-in';
  let bye: Bye | null = null;
  /** The runtime was told that nothing more can be taken. */
  let behind = false;

  function emit(event: string, ...args: readonly unknown[]): void {
    socket.emit(event, ...args);
  }

  const client: InnerClient = {
    get writing() {
      return (behind = connection.isBehind);
    },
    receive(message) {
      if (state === 'logging-in') receiveLogin(message);
      else if (message.t === 'bye') bye = message;
      else if (state === 'in') receive(message);
    },
    close(code, reason) {
      if (state === 'logging-in') refuse(reason);
      else end(code, reason);
    },
    terminate: () => connection.terminate(),
  };

  const documents: Documents = createDocuments({ line: () => line, emit, pattern, user, names });

  function receiveLogin(message: DownMessage): void {
    if (message.t === 'token') {
      state = 'in';
      answered();
    } else if (message.t === 'err') refuse(message.code, message.retryAfterMs);
  }

  function refuse(code: string, retryAfterMs?: number): void {
    if (state !== 'logging-in') return;
    state = 'over';
    answered(refusal(code, retryAfterMs));
  }

  function receive(message: DownMessage): void {
    // What named no request was about what the client was told of already, or about too much of it.
    if (message.t === 'err') {
      if (message.code === 'rate_limited')
        emit('error', message.m, { code: message.code, retryAfterMs: message.retryAfterMs });
      return;
    }
    documents.receive(message);
  }

  function end(code: number, reason: string): void {
    if (state === 'over') return;
    state = 'over';
    // It has not read what came before either.
    if (reason === SLOW) return connection.terminate();
    if (bye?.code === 'draining') socket.emit('server-draining', { afterMs: bye.afterMs ?? 0 });
    else socket.emit('error', bye?.m ?? reason, { code: reason });
    // Told by Socket.IO itself that it is disconnected, a client stays away; one whose transport ends comes back.
    if (code >= STOP_FROM && code <= STOP_TO) socket.disconnect();
    connection.end();
  }

  const line: InnerLine = openInnerLine(
    {
      node: options.node,
      id: options.id,
      address: options.address,
      transport: socket.conn.transport.name === 'websocket' ? 'websocket' : 'poll',
    },
    client,
  );
  line.send({ t: 'login', username: user, token, v: 1 });

  function listen(): void {
    const known: Readonly<Record<string, (request: unknown, acknowledge: Acknowledge | null) => void>> = {
      'join-document': documents.join,
      'leave-document': documents.leave,
      'edit-operation': documents.edit,
    };
    socket.onAny((event: string, ...args: readonly unknown[]) => {
      const last = args.at(-1);
      const acknowledge = typeof last === 'function' ? (last as Acknowledge) : null;
      const handle = Object.hasOwn(known, event) ? known[event] : undefined;
      if (handle !== undefined)
        return handle(args[0] === last && acknowledge !== null ? undefined : args[0], acknowledge);
      line.misunderstood();
      emit('error', 'Unknown event', { code: 'unknown_type' });
      acknowledge?.({ ok: false, error: 'Unknown event', code: 'unknown_type' });
    });
    socket.once('disconnect', (reason) => {
      // It says that it goes: nobody waits for it, and the others are told at once.
      if (reason !== 'client namespace disconnect') return;
      state = 'over';
      line.ask({ t: 'logout' }, () => line.closed());
      connection.end();
    });
  }

  return {
    connected: listen,
    drained() {
      if (!behind) return;
      behind = false;
      line.drained();
    },
    binary() {
      socket.emit('error', 'Binary payloads are not taken', { code: 'binary_unsupported' });
      connection.end();
    },
    closed() {
      refuse('unavailable');
      line.closed();
    },
  };
}
