import { describe, expect, it } from 'vitest';
import type { Intake, Source, SourceEvent, SourcePosition, Verdict } from '../ports/source.ts';

/** An event as another system publishes it. */
export type PublishedEvent = { readonly id: string; readonly key: string; readonly value: string };

export type SourceSubject = {
  /** A source that is not started, over what was published and noted so far: each is the life of another process. */
  open(): Source;
  /** Has another system publish events of one lane, in this order. */
  publish(events: readonly PublishedEvent[]): Promise<void>;
  /** The id of an event that was brought, as `publish` was given it. */
  idOf(event: SourceEvent): string;
  /** What was put where somebody can look at it. */
  poison(): Promise<readonly { readonly id: string; readonly code: string; readonly detail: string }[]>;
  close(): Promise<void>;
};

const applied: Verdict = { result: 'applied', duplicate: false };

/** How often what no event tells of is looked at again, ms. */
const LOOK_AGAIN_MS = 20;

/** An intake that gives the verdicts it is told to. Where the source gives up waiting it says `unavailable`, as the port has it. */
function createIntake(idOf: SourceSubject['idOf'], decide: (id: string) => Verdict | Promise<Verdict>) {
  const taken: string[] = [];
  let waiting: { holds: () => boolean; resolve: () => void }[] = [];
  const intake: Intake = {
    async take(event, signal) {
      const id = idOf(event);
      taken.push(id);
      waiting = waiting.filter(({ holds, resolve }) => {
        if (holds()) resolve();
        return !holds();
      });
      return Promise.race([decide(id), givenUp(signal)]);
    },
  };
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      if (holds()) resolve();
      else waiting.push({ holds, resolve });
    });
  return { intake, taken, until };
}

function givenUp(signal: AbortSignal | undefined): Promise<Verdict> {
  const verdict: Verdict = { result: 'unavailable', detail: 'the wait is over', retryAfterMs: 10 };
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve(verdict);
    signal?.addEventListener('abort', () => resolve(verdict), { once: true });
  });
}

async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
}

const named = (...ids: readonly string[]): readonly PublishedEvent[] =>
  ids.map((id) => ({ id, key: 'user-1', value: JSON.stringify({ id }) }));

/** Of one test: a subject of its own, and lives over it. */
type Scene = {
  readonly subject: SourceSubject;
  /** A process that begins over what there is. */
  begin(decide?: (id: string) => Verdict | Promise<Verdict>): Promise<Life>;
};

type Life = { readonly source: Source } & ReturnType<typeof createIntake>;

const lagOf = (positions: readonly SourcePosition[]): number =>
  positions.reduce((sum, { lag }) => sum + (lag ?? 0), 0);

/** What every `Source` must do. `open` gives a new, empty subject for each test; tests run side by side. */
export function sourceContract(name: string, open: () => Promise<SourceSubject>): void {
  const test = (claim: string, prove: (scene: Scene) => Promise<void>): void => {
    it(claim, async () => {
      const subject = await open();
      const lives: Source[] = [];
      try {
        await prove({
          subject,
          async begin(decide = () => applied) {
            const source = subject.open();
            lives.push(source);
            const life = createIntake(subject.idOf, decide);
            await source.start(life.intake);
            return { source, ...life };
          },
        });
      } finally {
        for (const source of lives) await source.stop();
        await subject.close();
      }
    });
  };

  describe.concurrent(`Source: ${name}`, () => {
    test('events of a lane are brought in their order, and those that are done not another time', async ({
      subject,
      begin,
    }) => {
      const { source, taken, until } = await begin();
      await subject.publish(named('a', 'b', 'c'));
      await until(() => taken.length === 3);
      await source.stop();
      expect(taken).toEqual(['a', 'b', 'c']);
      await subject.publish(named('d'));
      const next = await begin();
      await next.until(() => next.taken.length > 0);
      expect(next.taken).toEqual(['d']);
      await eventually(() => lagOf(next.source.positions()) === 0);
      expect(next.source.trouble()).toBe(null);
    });

    test('an event that had no verdict when its process ended is brought to the next', async ({
      subject,
      begin,
    }) => {
      const never = new Promise<Verdict>(() => undefined);
      const { source, taken, until } = await begin((id) => (id === 'b' ? never : applied));
      await subject.publish(named('a', 'b'));
      await until(() => taken.length === 2);
      await source.stop();
      const next = await begin();
      await next.until(() => next.taken.includes('b'));
      expect(next.taken).toEqual(['b']);
    });

    test('an event that was `unavailable` is brought again until it is not', async ({ subject, begin }) => {
      let left = 2;
      const { taken, until, source } = await begin((id) =>
        id === 'b' && left-- > 0 ? { result: 'unavailable', detail: 'no disk', retryAfterMs: 5 } : applied,
      );
      await subject.publish(named('a', 'b'));
      await until(() => taken.filter((id) => id === 'b').length === 3);
      await eventually(() => lagOf(source.positions()) === 0);
      expect(taken.filter((id) => id === 'a')).toEqual(['a']);
    });

    test('poison is put where somebody can look at it, with its reason, and holds up nobody behind it', async ({
      subject,
      begin,
    }) => {
      const { source, taken, until } = await begin((id) => {
        if (id === 'bad') return { result: 'poison', code: 'event_invalid', detail: 'task: is missing' };
        return id === 'odd' ? { result: 'poison', code: 'event_unknown', detail: 'no mapping' } : applied;
      });
      await subject.publish(named('bad', 'odd', 'good'));
      await until(() => taken.includes('good'));
      await source.stop();
      expect(await subject.poison()).toEqual([
        { id: 'bad', code: 'event_invalid', detail: 'task: is missing' },
        { id: 'odd', code: 'event_unknown', detail: 'no mapping' },
      ]);
      await subject.publish(named('later'));
      const next = await begin();
      await next.until(() => next.taken.length > 0);
      expect(next.taken).toEqual(['later']);
    });

    test('`stop` waits for the verdicts that are owed, and brings nothing more', async ({
      subject,
      begin,
    }) => {
      let give: (verdict: Verdict) => void = () => undefined;
      const owed = new Promise<Verdict>((resolve) => {
        give = resolve;
      });
      const { source, taken, until } = await begin(() => owed);
      await subject.publish(named('a'));
      await until(() => taken.length === 1);
      let ended = false;
      const stopped = source.stop().then(() => {
        ended = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(ended).toBe(false);
      give(applied);
      await stopped;
      await subject.publish(named('b'));
      expect(taken).toEqual(['a']);
      const next = await begin();
      await next.until(() => next.taken.length > 0);
      expect(next.taken).toEqual(['b']);
    });
  });
}
