/**
 * Where an outbox keeps what the user did. A store holds one box for each name; a name stands for one user at one server, and
 * nothing of a box may be seen under another name.
 */
export interface OutboxStore {
  /**
   * Opens the box of that name, empty where there is none.
   *
   * @returns rejects where nothing can be kept: the outbox then works in memory, and says so
   */
  open(name: string): Promise<OutboxBox>;
}

/**
 * Texts by their numbers. Calls MUST take effect in the order in which they were made, and each as a whole or not at all. A
 * promise MUST NOT resolve before what was asked for would survive a crash of the process, and of the machine where the medium
 * can promise that. One that rejects (quota, a full disk) MUST have changed nothing.
 */
export interface OutboxBox {
  /** Whether what is in it outlives the process. */
  readonly durable: boolean;
  /** Everything that is in the box, as of one moment. */
  all(): Promise<ReadonlyMap<number, string>>;
  /**
   * Adds texts.
   *
   * @returns their numbers, in the same order. Numbers count from 1 and MUST rise: one that was given, or is lower, MUST NOT be
   * given again, also not after its text was removed, the box was erased, closed and opened again, or the process crashed.
   * Numbers SHOULD NOT be left out
   */
  add(texts: readonly string[]): Promise<readonly number[]>;
  /**
   * Changes one text: of a number that was given, or 0, at which the outbox keeps the name of its queue. Nobody else MAY change it
   * between the moment in which `change` is called and that in which its answer is there, nor after a crash find one without
   * the other.
   *
   * @param change undefined in: there is none. Undefined out: there shall be none
   */
  edit(number: number, change: (now: string | undefined) => string | undefined): Promise<void>;
  /** Removes everything; nothing of it MAY stay readable. */
  erase(): Promise<void>;
  /** Gives up what holds the box open, behind what was asked for before; resolves once that is done. Nothing is called behind it. */
  close(): Promise<void>;
  /** Where several outboxes may have the box open at once: tabs of a browser. */
  readonly sharing?: OutboxSharing | undefined;
}

/** What outboxes need that share a box. */
export interface OutboxSharing {
  /**
   * Asks to be the one that sends. `led` MAY be called now, later or never; with `alone` true it MUST NOT be called for a second
   * one before the first has given it up or is gone.
   *
   * @returns gives it up, or withdraws the question
   */
  lead(led: (alone: boolean) => void): () => void;
  /** Tells all others, not this one, in order. */
  post(message: unknown): void;
  /** @returns ends it */
  listen(listener: (message: unknown) => void): () => void;
}
