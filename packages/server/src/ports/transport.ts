import type { DownMessage } from '@carillon/protocol';

/**
 * Bytes for connections that do not take WebSocket text frames. They lie beside, because most messages never need them: a
 * frame is made for each publication and answer.
 */
export type OtherWires<Bytes> = {
  /** As events of a stream (`text/event-stream`). */
  events: Bytes | undefined;
  /** As a binary WebSocket frame of MessagePack. */
  packed: Bytes | undefined;
  /** The message itself, for gateways that translate it. Of a frame only. */
  told: DownMessage | undefined;
  /** For clients of Yjs that know nothing of these messages. Of a frame only. */
  yjs: YjsWires | undefined;
};

/** From the first byte to behind the last; `by`: its user. */
export type AwarenessPlace = { readonly from: number; readonly to: number; readonly by: string | undefined };

/** The messages of y-protocols that a frame is to clients of Yjs, and as WebSocket frames; those may begin with the document's name. */
export type YjsWires = {
  readonly bodies: readonly Uint8Array[];
  /** Of awareness: where each client id stands in the body, for those who must not be told of themselves. */
  readonly places: ReadonlyMap<number, AwarenessPlace> | null;
  plain: RunBytes | undefined;
  named: { readonly name: string; readonly bytes: RunBytes } | undefined;
};

/**
 * One encoded message, made once and shared by all who are owed it. `wire` and `others` belong to the gateways: they keep
 * their framing of it there, so that a message is framed once for each transport, however many receive it.
 */
export interface Frame {
  readonly text: string;
  /** As a WebSocket text frame. */
  wire: Uint8Array | undefined;
  others: OtherWires<Uint8Array> | undefined;
}

/** Frames owed in this order, as one write. Where several connections are owed the same run they share the object. */
export interface FrameRun {
  readonly length: number;
  frames(): readonly Frame[];
  /** The gateway's bytes of the run, whole or in pieces, made by the first connection that is written to. */
  wire: RunBytes | undefined;
  others: OtherWires<RunBytes> | undefined;
}

/** Whole, or in pieces that are written in one go. */
export type RunBytes = Uint8Array | readonly Uint8Array[];

/** How a connection carries its messages. */
export type Transport = 'websocket' | 'sse' | 'poll' | 'yjs' | 'hocuspocus';

/**
 * One live link to a client, as a gateway gives it to the runtime.
 *
 * - `write` MUST hand the whole run to the socket, in order. The runtime MUST NOT call it while `writing` is true:
 *   what was handed over can no longer be dropped or replaced.
 * - `writing` MUST be true from a `write` that the kernel did not take whole until it has, and the gateway MUST then
 *   call `drained` on the runtime's link.
 * - After `close` nothing more MUST be delivered to the runtime but one `closed`. Frames written before go out first.
 * - `terminate` MUST end the link at once, without waiting for the peer.
 */
export interface Connection {
  readonly transport: Transport;
  /** No other connection of the node has it. */
  readonly id: number;
  /** The peer's address, trusted proxies resolved. */
  readonly address: string;
  readonly writing: boolean;
  /** @returns the bytes handed over, framing included */
  write(run: FrameRun): number;
  /**
   * Takes the last run although `writing` is true, to go out behind what is unfinished. Only a connection has it that keeps what it
   * was given until the client says that it came. MUST be followed by `close`.
   *
   * @returns the bytes handed over
   */
  writeLast?(run: FrameRun): number;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** The runtime's side of a connection: what a gateway calls. Never throws. */
export interface Link {
  /** One whole message. */
  message(text: string): void;
  /** One whole message as MessagePack. Not read, and not kept, beyond the call. */
  packed(frame: Uint8Array): void;
  /** A frame this connection does not speak: binary without MessagePack, text with it. */
  unspoken(kind: 'binary' | 'text'): void;
  /** The last write has gone to the kernel; more may follow. */
  drained(): void;
  /** The link is gone. Called once. */
  closed(code: number): void;
}
