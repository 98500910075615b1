import type { Intake, SourceEvent, Verdict } from '../../src/ports/source.ts';

export const applied: Verdict = { result: 'applied', duplicate: false };

/** An intake that says what a test tells it to, and notes what it was brought. */
export type LiteralIntake = Intake & {
  /** In the order in which they were brought. */
  readonly taken: readonly SourceEvent[];
  /** Without a verdict, now and at most so far. */
  readonly open: number;
  readonly mostOpen: number;
  /** Resolves once it holds: looked at whenever an event is brought or has its verdict. */
  until(holds: () => boolean): Promise<void>;
};

export function createLiteralIntake(
  decide: (event: SourceEvent) => Verdict | Promise<Verdict> = () => applied,
): LiteralIntake {
  const taken: SourceEvent[] = [];
  let waiting: { holds: () => boolean; resolve: () => void }[] = [];
  let open = 0;
  let mostOpen = 0;
  const look = (): void => {
    waiting = waiting.filter(({ holds, resolve }) => {
      if (!holds()) return true;
      resolve();
      return false;
    });
  };
  return {
    taken,
    get open() {
      return open;
    },
    get mostOpen() {
      return mostOpen;
    },
    async take(event, signal) {
      taken.push(event);
      open++;
      mostOpen = Math.max(mostOpen, open);
      look();
      const verdict = await Promise.race([decide(event), givenUp(signal)]);
      open--;
      look();
      return verdict;
    },
    until: (holds) =>
      new Promise((resolve) => {
        waiting.push({ holds, resolve });
        look();
      }),
  };
}

/** As the port has it: `unavailable` where the wait is over. */
function givenUp(signal: AbortSignal | undefined): Promise<Verdict> {
  const verdict: Verdict = { result: 'unavailable', detail: 'the wait is over', retryAfterMs: 10 };
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(verdict), { once: true }));
}

/** The content of an event as text. */
export const textOf = ({ content }: SourceEvent): string =>
  content.kind === 'bytes' ? Buffer.from(content.bytes).toString() : JSON.stringify(content.value);

/** A gate that a test opens: what waits at it goes on. */
export function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
