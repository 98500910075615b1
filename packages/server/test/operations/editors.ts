import { collab, getVersion, receiveTransaction, sendableSteps } from 'prosemirror-collab';
import { Node } from 'prosemirror-model';
import { schema } from 'prosemirror-schema-basic';
import { EditorState } from 'prosemirror-state';
import { Step } from 'prosemirror-transform';
import { WebSocket } from 'ws';
import { within } from '../wire/scene/within.ts';

/** A place in the log. */
export type Version = { readonly epoch: string; readonly offset: number };

/** What one editor appends at a time: its steps, and who it is. */
export type Batch = { readonly client: string; readonly steps: readonly unknown[] };

type Operations = { readonly position: Version; readonly data: Batch };

export type Log = {
  readonly version: Version | null;
  readonly ready: Promise<void>;
  append(
    base: Version,
    batch: Batch,
  ): Promise<
    | { readonly ok: true; readonly version: Version }
    | { readonly ok: false; readonly version: Version; readonly missed: readonly Operations[] }
  >;
  catchUp(
    from: Version | null,
  ): Promise<
    | { readonly ok: true; readonly version: Version; readonly operations: readonly Operations[] }
    | { readonly ok: false; readonly why: string }
  >;
  close(): void;
};

/** The SDK as far as it is used here: its own types would bring a browser's names into all of the server's code. */
export type Sdk = {
  connect(): void;
  logout(): Promise<void>;
  disconnect(): void;
  stream(
    pattern: string,
    params: object,
  ): {
    publish(data: unknown): Promise<{ readonly position: Version }>;
    subscribe(options?: object): Promise<void>;
  };
};

const [CLIENT, OPERATIONS]: readonly [string, string] = ['@carillon/client', '@carillon/client/operations'];
const { createClient } = (await import(CLIENT)) as { createClient(options: object): Sdk };
export const { operationLog } = (await import(OPERATIONS)) as {
  operationLog(
    channel: unknown,
    options: {
      readonly from: Version | null;
      readonly onOperations: (operations: Operations) => void;
      readonly onLost: (lost: { readonly why: string }) => void;
    },
  ): Log;
};

export type CuttableClient = { readonly sdk: Sdk; cut(): void };

export function openClient(url: string, user: string): CuttableClient {
  const sockets = new Set<WebSocket>();
  class Cuttable extends WebSocket {
    constructor(address: string) {
      super(address);
      sockets.add(this);
      this.on('close', () => sockets.delete(this));
    }
  }
  const sdk = createClient({
    url: `${url.replace('http', 'ws')}/ws`,
    username: user,
    token: () => user,
    WebSocket: Cuttable,
  });
  sdk.connect();
  return {
    sdk,
    cut() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

/** An editor with prosemirror-collab, bound to a log as docs/operations.md shows it. */
export type Editor = {
  readonly client: CuttableClient;
  readonly log: Log;
  /** The document's text with its marks and paragraphs, as JSON. */
  readonly content: string;
  /** Steps of its own that are not confirmed yet. */
  readonly unconfirmed: number;
  readonly version: number;
  /** Appends that others were ahead of. */
  readonly conflicts: number;
  /** Changes the document: types, deletes, or breaks a paragraph. */
  edit(random: () => number, mark: string): void;
  /** Resolves when everything of its own is in the log. */
  saved(): Promise<void>;
  readonly lost: readonly string[];
  close(): void;
};

const EMPTY = { type: 'doc', content: [{ type: 'paragraph' }] };

export function openEditor(client: CuttableClient, document: string, name: string): Editor {
  let state = EditorState.create({
    doc: Node.fromJSON(schema, EMPTY),
    plugins: [collab({ version: 0, clientID: name })],
  });
  const lost: string[] = [];
  let conflicts = 0;
  let pushing: Promise<void> | null = null;

  const log = operationLog(client.sdk.stream('ops:{id}', { id: document }), {
    from: null,
    onOperations({ data: { client: author, steps } }) {
      const read = steps.map((step) => Step.fromJSON(schema, step));
      state = state.apply(
        receiveTransaction(
          state,
          read,
          read.map(() => author),
        ),
      );
    },
    onLost: ({ why }) => void lost.push(why),
  });

  async function push(): Promise<void> {
    await log.ready;
    for (let sendable = sendableSteps(state); sendable !== null; sendable = sendableSteps(state)) {
      const base = log.version;
      if (base === null) return;
      const steps = sendable.steps.map((step) => step.toJSON() as unknown);
      if (!(await log.append(base, { client: name, steps })).ok) conflicts++;
    }
  }

  function pushSoon(): Promise<void> {
    return (pushing ??= push().finally(() => (pushing = null)));
  }

  return {
    client,
    log,
    lost,
    get content() {
      return JSON.stringify(state.doc.toJSON());
    },
    get unconfirmed() {
      return sendableSteps(state)?.steps.length ?? 0;
    },
    get version() {
      return getVersion(state);
    },
    get conflicts() {
      return conflicts;
    },
    edit(random, mark) {
      const size = state.doc.content.size;
      const at = 1 + Math.floor(random() * Math.max(1, size - 1));
      const kind = random();
      const transaction = state.tr;
      if (kind < 0.2 && size > 12) {
        const from = 1 + Math.floor(random() * (size - 8));
        transaction.delete(from, from + 3);
      } else if (kind < 0.3 && transaction.doc.resolve(at).parent.isTextblock) transaction.split(at);
      else if (transaction.doc.resolve(at).parent.isTextblock) transaction.insertText(mark, at);
      else transaction.insertText(mark, 1);
      if (transaction.docChanged) state = state.apply(transaction);
      pushSoon().catch(() => undefined);
    },
    saved: () => within(pushAll(), `${name} has saved everything`),
    close() {
      log.close();
      client.sdk.disconnect();
    },
  };

  async function pushAll(): Promise<void> {
    while (sendableSteps(state) !== null) await pushSoon();
  }
}
