import type {
  BroadcastNames,
  CallInput,
  CallOutput,
  CallsOf,
  ClientCallsOf,
  Contract,
  ErrorsOf,
  PresenceFieldsOf,
  ReceivedBroadcast,
} from '@carillon/contract';
import { type AnyHandler, type CallOptions, callErrorOf, createCalls } from './channels/calls.ts';
import { type ChannelShell, createChannelShell } from './channels/channel-shell.ts';
import { type Params, nameOf } from './channels/channel-names.ts';
import { type ChannelOptions, settingsOf } from './channels/channel-options.ts';
import { createHandles } from './channels/handles.ts';
import { HOST, type Host } from './channels/host.ts';
import { type MapChannel, createMapChannel } from './channels/map-channel.ts';
import { createRecords } from './channels/records.ts';
import { type SignalChannel, createSignalChannel } from './channels/signal-channel.ts';
import { type StreamChannel, createStreamChannel } from './channels/stream-channel.ts';
import type {
  AnyContract,
  CallNames,
  ClientCallNames,
  FieldsNamed,
  Handler,
  In,
  MapPatternOf,
  Out,
  ParamsBehind,
  SignalPatternOf,
  StreamPatternOf,
} from './contract-types.ts';
import type { ChannelKind } from './core/channels/channel-events.ts';
import type { DefaultField } from './core/friends.ts';
import { extend } from './extend.ts';
import { createListeners } from './listeners.ts';
import type { ConnectionOptions } from './options.ts';
import type { Outbox, OutboxOption } from './outbox/outbox-part.ts';
import { type Platform, hostPlatform } from './platform.ts';
import { type PresenceClient, type PresenceConnection, createPresenceConnection } from './presence-client.ts';

export type ClientOptions<Field extends string = DefaultField> = ConnectionOptions<Field> &
  ChannelOptions & {
    /** Keeps what the user did until the server has answered, over reloads: `createOutbox` of `@carillon/client/outbox`. */
    readonly outbox?: OutboxOption | undefined;
  };

/** The options of a client with a contract: presence fields that are not the default ones are named. */
export type ContractOptions<C extends Contract> = ClientOptions<PresenceFieldsOf<C>> & FieldsNamed<C>;

/** A channel of unknown payloads. */
export type AnyChannel =
  | StreamChannel<unknown, unknown>
  | MapChannel<unknown, unknown>
  | SignalChannel<unknown, unknown>;

/** One user's connection to a Carillon server, with the channels and calls of a contract. */
export interface Client<C extends Contract = AnyContract<DefaultField>> extends PresenceClient<
  PresenceFieldsOf<C>
> {
  /** What waits for the server and outlives the page; null where the client was given no outbox. */
  readonly outbox: Outbox | null;
  /**
   * The stream that a pattern stands for with these parameters: the same handle each time. Nothing is subscribed by it.
   *
   * @throws CarillonError `channel_invalid` where a parameter cannot stand in a name, `kind_mismatch` where the channel is in
   * use as another kind
   */
  stream<P extends StreamPatternOf<C>>(
    pattern: P,
    ...params: ParamsBehind<NoInfer<P>>
  ): StreamChannel<In<C, P>, Out<C, P>>;
  /** The map that a pattern stands for; see `stream`. */
  map<P extends MapPatternOf<C>>(
    pattern: P,
    ...params: ParamsBehind<NoInfer<P>>
  ): MapChannel<In<C, P>, Out<C, P>>;
  /** The signal that a pattern stands for; see `stream`. */
  signal<P extends SignalPatternOf<C>>(
    pattern: P,
    ...params: ParamsBehind<NoInfer<P>>
  ): SignalChannel<In<C, P>, Out<C, P>>;
  /**
   * Calls a function of the server. Waits for a connection, within its time; is never sent twice unless it is `durable`.
   *
   * @returns resolves with the output; rejects with a CarillonError: `call_failed` with `error` and `data` (see `callError`),
   * `deadline_exceeded`, `cancelled`, `line_lost` and others. Where `unknown` is true it may have been carried out
   */
  call<N extends CallNames<C>>(
    name: N,
    input: CallInput<CallsOf<C>[N]>,
    options?: CallOptions,
  ): Promise<CallOutput<CallsOf<C>[N]>>;
  /** Which of the call's own errors a rejection is, with its data; undefined where it is none of them. */
  callError<N extends CallNames<C>>(name: N, error: unknown): ErrorsOf<CallsOf<C>[N]> | undefined;
  /**
   * Serves a call of the server; a later handler takes the place of an earlier one.
   *
   * @returns serves it no more
   */
  onCall<N extends ClientCallNames<C>>(name: N, handler: Handler<ClientCallsOf<C>[N]>): () => void;
  /** @returns removes the listener again */
  onBroadcast<N extends BroadcastNames<C>>(
    name: N,
    listener: (data: ReceivedBroadcast<C, N>) => void,
  ): () => void;
  /**
   * Calls the listener when the server subscribed the client to a channel that it was not subscribed to. The subscription
   * counts as one `subscribe`: `unsubscribe` ends it.
   *
   * @returns removes the listener again
   */
  onInvitation(listener: (channel: AnyChannel) => void): () => void;
}

/**
 * Makes a client; `connect()` starts it. With the type of a contract (`createClient<typeof contract>({…})`) channels,
 * calls and presence fields are those that it declares; without, anything goes.
 *
 * @throws CarillonError `url_invalid`, `fields_invalid`, `options_invalid` or `no_websocket`
 */
export function createClient<const Field extends string = DefaultField>(
  options: ClientOptions<Field>,
): Client<AnyContract<Field>>;
// Where no contract is named none is guessed.
export function createClient<C extends Contract = never>(
  options: [C] extends [never] ? never : ContractOptions<C>,
): Client<C>;
export function createClient(options: ClientOptions<string>): object {
  return createClientOn(hostPlatform(), options);
}

/** `createClient` with the platform handed in. */
export function createClientOn<const Field extends string = DefaultField>(
  platform: Platform,
  options: ClientOptions<Field>,
): Client<AnyContract<Field>> {
  const { report } = platform;
  const settings = settingsOf(options.username, options);
  const handles = createHandles();
  const invited = createListeners<AnyChannel>(report);
  const beside: Host['beside'] = new Set();
  const calls = createCalls(
    () => shell,
    report,
    () => outbox,
  );
  const records = createRecords(() => shell, report);
  const shell: ChannelShell = createChannelShell({
    platform,
    settings,
    connection: () => connection.shell,
    onOther: calls.take,
    onNews(news) {
      records.tell(news);
      if (news.do === 'invited') invited.tell(handleOf(news.channel, news.kind));
    },
  });
  const connection: PresenceConnection<Field> = createPresenceConnection(platform, options, {
    follow(event, state, effects) {
      // First: what was on its way when the line went is not the channels' to refuse.
      for (const part of beside) part.follow(event, state, effects);
      shell.follow(event, state, effects);
      for (const part of beside) part.behind?.(event, state, effects);
    },
    underWay: shell.channels.underWay,
  });
  const outbox = options.outbox?.({ platform, options, settings, ask: shell.ask });
  if (outbox !== undefined) beside.add(outbox);
  Object.assign(connection.inspection, { machine: shell.channels.machine, usage: records.usage });
  const host: Host = { platform, records, shell, options, state: connection.shell.state, beside };
  const parts = { shell, records, outbox, host };
  const { logout } = connection.client;

  function handleOf(channel: string, kind: ChannelKind): AnyChannel {
    switch (kind) {
      case 'stream':
        return handles.of(channel, kind, () => createStreamChannel<unknown, unknown>(parts, channel));
      case 'map':
        return handles.of(channel, kind, () => createMapChannel<unknown, unknown>(parts, channel));
      case 'signal':
        return handles.of(channel, kind, () => createSignalChannel<unknown, unknown>(parts, channel));
    }
  }

  // The contract's words for payloads that the server checks; here nothing of them is left.
  const members = {
    [HOST]: host,
    outbox: outbox?.outbox ?? null,
    // The page may go behind it, and what is left in the store is erased in a turn of its own.
    async logout() {
      await logout();
      await Promise.all([...beside].map((part) => part.written()));
    },
    stream: (pattern: string, params?: Params) => handleOf(nameOf(pattern, params), 'stream'),
    map: (pattern: string, params?: Params) => handleOf(nameOf(pattern, params), 'map'),
    signal: (pattern: string, params?: Params) => handleOf(nameOf(pattern, params), 'signal'),
    call: calls.call,
    callError: (_name: string, error: unknown) => callErrorOf(error),
    onCall: (name: string, handler: AnyHandler) => calls.onCall(name, handler),
    onBroadcast: calls.onBroadcast,
    onInvitation: (listener: (channel: AnyChannel) => void) => invited.add(listener),
  };
  return extend(connection.client, members) as unknown as Client<AnyContract<Field>>;
}
