import type { Role } from '@carillon/protocol';
import type { RunBytes, YjsWires } from '../../ports/transport.ts';
import { DocumentClient, type DocumentClientOptions, type DocumentFace } from './document-client.ts';
import { namedBytes, namedMessage } from './document-wires.ts';
import { authenticated, closed, denied, NOT_SAVED, SAVED } from './hocuspocus-messages.ts';
import type { YMessage } from './y-messages.ts';

/** What one document of a client sends, and what becomes of it. */
export type DocumentEvents = {
  owe(bytes: RunBytes): void;
  moved(): void;
  /** It is over, and the provider told so; `again`: all may come back by themselves. */
  over(document: HocuspocusDocument, again: boolean): void;
};

/** One provider of Hocuspocus: a document by the name that it has on its socket. */
export class HocuspocusDocument implements DocumentFace {
  readonly key: string;
  readonly channel: string;
  readonly #events: DocumentEvents;
  readonly #client: DocumentClient;
  #isWriter: boolean | null = null;

  constructor(
    key: string,
    options: Omit<DocumentClientOptions, 'asksReaders'>,
    early: readonly YMessage[],
    events: DocumentEvents,
  ) {
    this.key = key;
    this.channel = options.channel;
    this.#events = events;
    this.#client = new DocumentClient({ ...options, asksReaders: true }, this);
    for (const message of early) this.#client.heard(message);
  }

  get client(): DocumentClient {
    return this.#client;
  }

  get bytes(): number {
    return this.#client.bytes;
  }

  body(...pieces: readonly Uint8Array[]): void {
    this.#events.owe(namedMessage(this.key, pieces));
  }

  wires(wires: YjsWires): void {
    this.#events.owe(namedBytes(wires, this.key));
  }

  role(role: Role): void {
    const isWriter = role === 'write';
    if (isWriter === this.#isWriter) return;
    this.#isWriter = isWriter;
    this.body(authenticated(role));
  }

  saved(messages: number): void {
    // The provider counts them: each of its changes is unsaved until it has had one.
    for (let i = 0; i < messages; i++) this.body(SAVED);
    this.#events.moved();
  }

  refused(what: 'update' | 'awareness'): void {
    if (what === 'update') this.body(NOT_SAVED);
    this.#events.moved();
  }

  over(code: string, _detail: string, again: boolean): void {
    if (!again) this.deny(code);
    this.#events.over(this, again);
  }

  /** The provider is told that it may not, and, where it had been let in, that the document is closed to it. */
  deny(code: string): void {
    this.#client.stop();
    this.body(denied(code));
    if (this.#isWriter !== null) this.body(closed(code));
  }
}
