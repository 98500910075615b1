import type { CallInput, CallOutput, CallsOf, Contract, ErrorsOf } from '@carillon/contract';
import { DEFAULT_MESSAGE_BYTES } from '@carillon/protocol';
import { type CallOptions, DEFAULT_CALL_MS, callErrorOf } from '../channels/calls.ts';
import { noOutbox, publish } from '../channels/channel.ts';
import { type Params, nameOf } from '../channels/channel-names.ts';
import { type ChannelOptions, most } from '../channels/channel-options.ts';
import { toJson } from '../channels/json.ts';
import type { DeleteOptions, MapChannel, SetOptions } from '../channels/map-channel.ts';
import type { PublishOptions, StreamChannel } from '../channels/stream-channel.ts';
import { CarillonError } from '../carillon-error.ts';
import { type ConnectedClient, createConnection } from '../connection.ts';
import type {
  AnyContract,
  CallNames,
  In,
  MapPatternOf,
  ParamsBehind,
  StreamPatternOf,
} from '../contract-types.ts';
import { extend } from '../extend.ts';
import type { LinkOptions } from '../options.ts';
import type { Outbox, OutboxOption } from '../outbox/outbox-part.ts';
import type { Platform } from '../platform.ts';
import { rejected } from '../quiet.ts';
import { type MakeLines, TRANSPORTS } from '../transports/ways.ts';
import { createRequests } from './requests.ts';
import { webSocketLines } from './web-socket-lines.ts';

export type LeanOptions = LinkOptions &
  Pick<ChannelOptions, 'messageBytes'> & {
    /** `allTransports`: SSE and long-poll where WebSocket does not work. Absent: WebSocket alone. */
    readonly fallback?: MakeLines | undefined;
    /** Keeps what the user did until the server has answered, over reloads: `createOutbox` of `@carillon/client/outbox`. */
    readonly outbox?: OutboxOption | undefined;
  };

/** Where a client without subscriptions publishes. */
export type LeanStream<In> = Pick<StreamChannel<In, unknown>, 'channel' | 'publish'>;
export type LeanMap<In> = Pick<MapChannel<In, unknown>, 'channel' | 'set' | 'delete'>;

/**
 * One user's connection to a Carillon server, to publish and to call. What it has is as that of the default entry, but that nothing
 * waits outside of the outbox: what is not durable is sent at once, and rejects with `line_lost` where there is no connection.
 */
export interface LeanClient<C extends Contract = AnyContract> extends ConnectedClient {
  /** What waits for the server and outlives the page; null where the client was given no outbox. */
  readonly outbox: Outbox | null;
  /**
   * The stream that a pattern stands for with these parameters.
   *
   * @throws CarillonError `channel_invalid` where a parameter cannot stand in a name
   */
  stream<P extends StreamPatternOf<C>>(pattern: P, ...params: ParamsBehind<NoInfer<P>>): LeanStream<In<C, P>>;
  /** The map that a pattern stands for; see `stream`. */
  map<P extends MapPatternOf<C>>(pattern: P, ...params: ParamsBehind<NoInfer<P>>): LeanMap<In<C, P>>;
  /**
   * Calls a function of the server.
   *
   * @returns as `call` of the default entry
   */
  call<N extends CallNames<C>>(
    name: N,
    input: CallInput<CallsOf<C>[N]>,
    options?: Omit<CallOptions, 'signal'>,
  ): Promise<CallOutput<CallsOf<C>[N]>>;
  /** Which of the call's own errors a rejection is, with its data; undefined where it is none of them. */
  callError<N extends CallNames<C>>(name: N, error: unknown): ErrorsOf<CallsOf<C>[N]> | undefined;
}

/**
 * `createClient` with the platform handed in.
 *
 * @throws CarillonError `url_invalid`, `options_invalid` or `no_websocket`
 */
export function createLeanClientOn(platform: Platform, options: LeanOptions): LeanClient {
  const messageBytes = most('messageBytes', options.messageBytes, DEFAULT_MESSAGE_BYTES);
  const requests = createRequests(platform, messageBytes, () => shell);
  const { client, shell } = createConnection(platform, options, {
    own: null,
    fields: [],
    presence: null,
    transports: options.fallback ? (options.transports ?? TRANSPORTS) : ['websocket'],
    lines: options.fallback ?? webSocketLines,
    underWay: requests.underWay,
    follow(event, state, effects) {
      // First: what was on its way when the line went is not the requests' to refuse.
      outbox?.follow(event, state, effects);
      requests.follow(event, state, effects);
    },
  });
  const outbox = options.outbox?.({ platform, options, settings: { messageBytes }, ask: requests.ask });
  const parts = { shell: requests, outbox };

  function call(
    name: string,
    input: unknown,
    { timeoutMs = DEFAULT_CALL_MS, durable }: Omit<CallOptions, 'signal'> = {},
  ): Promise<unknown> {
    const text = input === undefined ? null : toJson(input);
    if (text instanceof CarillonError) return rejected(text);
    if (durable === true) return outbox?.call({ name, input: text, timeoutMs }) ?? noOutbox();
    return requests.ask((ticket) => ({ type: 'call', ticket, name, input: text, timeoutMs })).settled;
  }

  const { logout } = client;
  // The contract's words for payloads that the server checks; here nothing of them is left.
  const members = {
    outbox: outbox?.outbox ?? null,
    // The page may go behind it, and what is left in the store is erased in a turn of its own.
    logout: () => logout().then(outbox?.written),
    stream(pattern: string, params?: Params): LeanStream<unknown> {
      const channel = nameOf(pattern, params);
      return {
        channel,
        publish: (data, more: PublishOptions = {}) =>
          publish(parts, { ...more, channel, signal: false }, data),
      };
    },
    map(pattern: string, params?: Params): LeanMap<unknown> {
      const channel = nameOf(pattern, params);
      return {
        channel,
        set: (key, value, more: SetOptions = {}) =>
          publish(parts, { ...more, channel, signal: false, key }, value),
        delete: (key, more: DeleteOptions = {}) =>
          publish(parts, { ...more, channel, signal: false, key, del: true }, undefined),
      };
    },
    call,
    callError: (_name: string, error: unknown) => callErrorOf(error),
  };
  return extend(client, members);
}
