import { CarillonError } from '../carillon-error.ts';
import type { Lost } from '../channels/channel.ts';
import type { PublicationOf, StreamChannel } from '../channels/stream-channel.ts';
import type { Position } from '../core/channels/channel-events.ts';

/** Operations that were appended together, at their place. `Batch` is what the channel carries: the editor's own. */
export type Operations<Batch> = PublicationOf<Batch>;

/** What became of an append. Either way everything up to `version` has been handed over. */
export type Appended<Batch> =
  | { readonly ok: true; readonly version: Position }
  /** Others were first: `missed` is what they appended behind the base, handed over by now. Rebase on it, and append again. */
  | { readonly ok: false; readonly version: Position; readonly missed: readonly Operations<Batch>[] };

/** What lies behind a version; or that it is not all there. */
export type CaughtUp<Batch> =
  | { readonly ok: true; readonly version: Position; readonly operations: readonly Operations<Batch>[] }
  | { readonly ok: false; readonly why: 'trimmed' | 'epoch'; readonly version: Position | null };

export type OperationLogOptions<Batch> = {
  /** The version of the document that the editor begins with; null: the empty one, before the first operation. */
  readonly from: Position | null;
  /** Is handed each batch, in order and once, the own ones too. */
  readonly onOperations: (operations: Operations<Batch>) => void;
  /**
   * What the log goes on from is not what the editor has: more was missed than is kept, or the log began anew. Load the document
   * again, and open another log with its version; this one is closed.
   */
  readonly onLost: (lost: Pick<Lost, 'why'>) => void;
};

/** The operations of one document, in the one order that everybody has. */
export type OperationLog<Batch> = {
  /** Up to where batches were handed over; null until that is known, where the log began with null. */
  readonly version: Position | null;
  /** Resolves once what was there at the beginning has been handed over. Rejects with the server's code where it refuses for good. */
  readonly ready: Promise<void>;
  /**
   * Appends behind `base`, or not at all. One that was cut off is sent again by itself, and taken once.
   *
   * @param base what the batch was made on: `version`, where nothing is waiting to be applied
   * @returns rejects with a CarillonError as `publish` does; where it is `unknown`, the batch may come all the same: append
   * it again on the same base, and it is either taken or among what was missed
   */
  append(base: Position, batch: Batch): Promise<Appended<Batch>>;
  /** Reads what lies behind any version; hands nothing over. */
  catchUp(from: Position | null): Promise<CaughtUp<Batch>>;
  close(): void;
};

/** Publications of a page: the most that a server gives. */
const PAGE = 1_000;

export function operationLog<Batch>(
  channel: StreamChannel<Batch, Batch>,
  { from, onOperations, onLost }: OperationLogOptions<Batch>,
): OperationLog<Batch> {
  let version = from;
  let isClosed = false;
  const waiting = new Set<() => void>();
  const gathering = new Set<Operations<Batch>[]>();

  function wake(): void {
    for (const look of waiting) look();
  }

  function take(operations: Operations<Batch>): void {
    const { position } = operations;
    // Another part of the app may follow the same channel from elsewhere.
    if (isClosed || version === null || !follows(position, version)) return;
    version = position;
    for (const missed of gathering) missed.push(operations);
    onOperations(operations);
    wake();
  }

  function lose(why: Lost['why']): void {
    if (isClosed) return;
    close();
    onLost({ why });
  }

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    stopListening();
    stopLosing();
    channel.unsubscribe();
    wake();
  }

  /** Resolves when everything up to there was handed over, or will never be. */
  function reached({ epoch, offset }: Position): Promise<void> {
    return new Promise((resolve) => {
      function look(): void {
        if (!isClosed && (version?.epoch !== epoch || version.offset < offset)) return;
        waiting.delete(look);
        resolve();
      }
      waiting.add(look);
      look();
    });
  }

  async function catchUp(behind: Position | null): Promise<CaughtUp<Batch>> {
    const operations: Operations<Batch>[] = [];
    let after = behind;
    try {
      for (;;) {
        const { publications, more, top } = await channel.history({ after, limit: PAGE });
        const first = publications[0];
        if (
          first === undefined
            ? top.offset > (after?.offset ?? 0)
            : !follows(first.position, after ?? { ...first.position, offset: 0 })
        )
          return { ok: false, why: 'trimmed', version: top };
        // A version that the log never had: it is another's.
        if (after !== null && top.offset < after.offset) return { ok: false, why: 'epoch', version: top };
        for (const publication of publications) operations.push(publication);
        const last = publications.at(-1);
        if (!more || last === undefined)
          return {
            ok: true,
            version: last?.position ?? { epoch: top.epoch, offset: after?.offset ?? 0 },
            operations,
          };
        after = last.position;
      }
    } catch (error) {
      if (error instanceof CarillonError && error.code === 'conflict')
        return { ok: false, why: 'epoch', version: error.position ?? null };
      throw error;
    }
  }

  async function begin(): Promise<void> {
    if (version === null) {
      const caughtUp = await catchUp(null);
      if (!caughtUp.ok) return lose(caughtUp.why);
      if (isClosed) return;
      version = { epoch: caughtUp.version.epoch, offset: 0 };
      for (const operations of caughtUp.operations) take(operations);
    }
    if (!isClosed && version !== null) await channel.subscribe({ position: version });
  }

  const stopListening = channel.onPublication(take);
  const stopLosing = channel.onLost(({ why }) => lose(why));
  const ready = begin();
  // Whoever does not wait for it need not hear of it.
  ready.catch(() => undefined);

  return {
    get version() {
      return version;
    },
    ready,
    async append(base, batch) {
      const missed: Operations<Batch>[] = [];
      if (version === null || isClosed) throw new CarillonError('options_invalid', 'the log is not open');
      if (base.epoch !== version.epoch || base.offset !== version.offset) {
        const known = await catchUp(base);
        if (!known.ok) throw new CarillonError('conflict', known.why, { position: version });
        await reached(known.version);
        return { ok: false, version: known.version, missed: known.operations };
      }
      gathering.add(missed);
      try {
        const published = await channel.publish(batch, { expect: base, echo: true });
        // Only a place in a lane leaves it open where something was published.
        const position = published.position ?? base;
        await reached(position);
        return { ok: true, version: position };
      } catch (error) {
        if (!(error instanceof CarillonError && error.code === 'conflict' && error.position !== undefined))
          throw error;
        await reached(error.position);
        return { ok: false, version: version ?? error.position, missed };
      } finally {
        gathering.delete(missed);
      }
    },
    catchUp,
    close,
  };
}

function follows(position: Position, before: Position): boolean {
  return position.epoch === before.epoch && position.offset === before.offset + 1;
}
