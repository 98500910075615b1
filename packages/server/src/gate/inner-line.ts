import type { DownMessage, Err, Ok, UpMessage } from '@carillon/protocol';
import type { Connection, Frame, FrameRun, Link, Transport } from '../ports/transport.ts';
import type { RealtimeNode } from '../runtime/node-api.ts';
import { othersOf } from './other-wires.ts';

/** What a client that does not speak our messages is to the line that speaks them for it. */
export type InnerClient = {
  /** Whether it has not taken what it was sent: what is owed to it is held back meanwhile. Once it has, `drained` MUST be called. */
  readonly writing: boolean;
  /**
   * What the server sends of its own accord, in order; answers to requests and heartbeats are not among it. May be shared: not to be changed.
   *
   * @param frame for what the gateway makes of it once for all who are owed it
   */
  receive(message: DownMessage, frame: Frame): void;
  /** The server asks whether the client is there: it says so by `hb`. Unless given, it always is: its own protocol finds out otherwise. */
  heartbeat?(): void;
  /** All that was owed at once has been received. @returns the bytes that were handed to the client for it */
  flushed?(): number;
  /** The server has ended the connection, with a code of docs/errors.md. Called once at most; MUST end the client's own. */
  close(code: number, reason: string): void;
  /** The same, without waiting for the client. May come behind `close`. */
  terminate(): void;
};

/** A request without its number. */
type Unnumbered<M> = M extends { readonly i?: number | undefined } ? Omit<M, 'i'> : never;
export type InnerRequest = Unnumbered<UpMessage>;

/** A connection inside the process, over which a gateway speaks our messages for one client. */
export type InnerLine = {
  /** Sends what is not answered, or only by an `err` that `receive` gets. */
  send(message: UpMessage): void;
  /** Sends a request. `answered` gets the answer at its place among what is received; null: the line has ended before. */
  ask(message: InnerRequest, answered: (answer: Ok | Err | null) => void): void;
  /** Resolves with the answer, in the turn in which it comes; null: the line has ended before. */
  request(message: InnerRequest): Promise<Ok | Err | null>;
  /** The client sent what its gateway could not make a message of: it counts against its rate as such. */
  misunderstood(): void;
  drained(): void;
  /** The client is gone. May be called more than once. */
  closed(code?: number): void;
};

export type InnerLineOptions = {
  readonly node: Pick<RealtimeNode, 'open'>;
  /** What the door gave when the client came in. */
  readonly id: number;
  readonly address: string;
  /** What the client's own connection is most like: a poll's frames wait between two polls, and nobody calls that slow. */
  readonly transport: Transport;
};

const HEARTBEAT = '{"t":"hb"}';

/** How a line ends whose client is gone without a word (RFC 6455, section 7.1.5). */
const GONE = 1006;

/** Opens a line for a client that its gateway has let in. */
export function openInnerLine(options: InnerLineOptions, client: InnerClient): InnerLine {
  const waiting = new Map<number, (answer: Ok | Err | null) => void>();
  let lastRequest = 0;
  let open = true;
  let link: Link | null = null;

  function take(frame: Frame): void {
    const message = messageOf(frame);
    switch (message.t) {
      case 'hb':
        // Whether the client is there is known from its own protocol's heartbeats; here it has not lost a thing.
        if (client.heartbeat === undefined) link?.message(HEARTBEAT);
        else client.heartbeat();
        return;
      case 'ok':
      case 'err':
        if (message.i !== undefined) answer(message.i, message);
        else client.receive(message, frame);
        return;
      default:
        client.receive(message, frame);
    }
  }

  function answer(request: number, message: Ok | Err): void {
    const resolve = waiting.get(request);
    waiting.delete(request);
    resolve?.(message);
  }

  function write(run: FrameRun): number {
    let bytes = 0;
    for (const frame of run.frames()) {
      if (!open) break;
      bytes += frame.text.length;
      take(frame);
    }
    return client.flushed?.() ?? bytes;
  }

  function forsake(): void {
    open = false;
    // Taken out first: who hears of the end may end the line in turn.
    const unanswered = [...waiting.values()];
    waiting.clear();
    for (const answered of unanswered) answered(null);
  }

  const connection: Connection = {
    transport: options.transport,
    id: options.id,
    address: options.address,
    get writing() {
      return client.writing;
    },
    write,
    close(code, reason) {
      if (!open) return;
      forsake();
      client.close(code, reason);
    },
    terminate() {
      forsake();
      client.terminate();
    },
  };
  link = options.node.open(connection);

  function ask(message: InnerRequest, answered: (answer: Ok | Err | null) => void): void {
    if (!open || link === null) return answered(null);
    const i = ++lastRequest;
    waiting.set(i, answered);
    link.message(JSON.stringify({ ...message, i }));
  }

  return {
    send(message) {
      if (open) link.message(JSON.stringify(message));
    },
    ask,
    request: (message) => new Promise((resolve) => ask(message, resolve)),
    misunderstood() {
      if (open) link.unspoken('binary');
    },
    drained() {
      if (open) link.drained();
    },
    closed(code = GONE) {
      forsake();
      link.closed(code);
    },
  };
}

/** What a frame says, read once for all who are owed it on this node. */
function messageOf(frame: Frame): DownMessage {
  // What a frame's text holds is a message: the server made it.
  return (othersOf(frame).told ??= JSON.parse(frame.text) as DownMessage);
}
