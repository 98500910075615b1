import type { Contract } from '@carillon/contract';

/** The client's side of a connection. */
type End = { opened(): void; message(text: string): void; closed(code: number): void };

/** A way to a server that a test controls. What is done to it is said in full on the server's side. */
export interface LineLike {
  dial(end: End): { send(text: string): void; close(): void };
  readonly connected: boolean;
  /** The connection drops and both sides learn of it. @param options `forMs`: for so long nobody can connect */
  cut(options?: { readonly forMs?: number }): void;
  /** The connection is dead and nobody is told. The next one works. */
  breakSilently(): void;
  /** What is sent from now on takes so long, either way. */
  delay(ms: number): void;
  /** The client stops reading: what is owed waits in the server's outbox. */
  stall(): void;
  /** The client reads again. */
  read(): void;
  /** The server gets the client's next message; the line is cut before the answer arrives. */
  loseNextReply(): void;
}

/** What a test client needs of a test server: `createTestServer` of `@carillon/server/testing` makes one. */
export interface TestServerLike<C extends Contract = Contract> {
  readonly contract: C;
  readonly clock: {
    nowMs(): number;
    monotonicMs(): number;
    setTimer(delayMs: number, fire: () => void): { cancel(): void };
  };
  line(): LineLike;
}
