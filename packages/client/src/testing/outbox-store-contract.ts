import type { OutboxBox, OutboxStore } from '../outbox/outbox-store.ts';

/** A store to be tried. */
export type OutboxStoreSubject = {
  /** New and empty. */
  readonly store: OutboxStore;
  /** The same as the next life of the page or process finds it, without a word from the one before. */
  again(): OutboxStore;
};

/** One thing that every store must do. */
export type OutboxStoreClaim = {
  readonly claim: string;
  /** @returns rejects where it does not hold */
  run(subject: OutboxStoreSubject): Promise<void>;
};

const NAME = '["wss://app.example/ws","auth0|1/../ä"]';

const claims: readonly OutboxStoreClaim[] = [
  {
    claim: 'numbers count from 1, in the order of the calls, also of those that nobody waited for',
    async run({ store }) {
      const box = await store.open(NAME);
      const [first, second, third] = await Promise.all([box.add(['a']), box.add(['b', 'c']), box.add(['d'])]);
      same([first, second, third], [[1], [2, 3], [4]]);
      same(await textsOf(box), ['1 a', '2 b', '3 c', '4 d']);
    },
  },
  {
    claim: 'what was added, changed and removed is so in the next life',
    async run(subject) {
      const box = await subject.store.open(NAME);
      await box.add(['a', 'b', 'c\n"ä😀\u0000']);
      await box.edit(0, () => 'queue');
      await box.edit(1, (now) => `${now}!`);
      await box.edit(2, () => undefined);
      const expected = ['0 queue', '1 a!', '3 c\n"ä😀\u0000'];
      same(await textsOf(box), expected);
      same(await textsOf(await reopen(subject, box)), expected);
    },
  },
  {
    claim: 'a number is never given again, whatever became of its text',
    async run(subject) {
      let box = await subject.store.open(NAME);
      await box.add(['a', 'b']);
      await box.edit(2, () => undefined);
      box = await reopen(subject, box);
      same(await box.add(['c']), [3]);
      await box.erase();
      box = await reopen(subject, box);
      same(await textsOf(box), []);
      const [number = 0] = await box.add(['d']);
      if (number <= 3) throw new Error(`${number} was given before`);
    },
  },
  {
    claim: 'a change is given what is there at its moment, and nothing comes between',
    async run({ store }) {
      const box = await store.open(NAME);
      const seen: unknown[] = [];
      const number = box.add(['a']);
      const changes = [
        box.edit(1, (now) => (seen.push(now), `${now}b`)),
        box.edit(1, (now) => (seen.push(now), undefined)),
        box.edit(1, (now) => (seen.push(now), undefined)),
        box.edit(9, (now) => (seen.push(now), undefined)),
      ];
      await Promise.all([number, ...changes]);
      same(seen, ['a', 'ab', undefined, undefined]);
      same(await textsOf(box), []);
    },
  },
  {
    claim: 'everything is read as of one moment, behind what was asked for before',
    async run({ store }) {
      const box = await store.open(NAME);
      const [, , all] = await Promise.all([
        box.add(['a']),
        box.edit(1, () => 'b'),
        textsOf(box),
        box.add(['c']),
      ]);
      same(all, ['1 b']);
    },
  },
  {
    claim: 'one name sees nothing of another',
    async run({ store }) {
      const [mine, other] = [await store.open(NAME), await store.open(`${NAME}2`)];
      await mine.add(['a']);
      same(await textsOf(other), []);
      await other.add(['b']);
      await other.erase();
      same(await textsOf(mine), ['1 a']);
    },
  },
  {
    claim: 'a thousand texts are added, changed and removed',
    async run(subject) {
      const box = await subject.store.open(NAME);
      const numbers = await box.add(Array.from({ length: 1_000 }, (_, at) => `text ${at}`));
      same([numbers.length, numbers.at(-1)], [1_000, 1_000]);
      await Promise.all(numbers.slice(1).map((number) => box.edit(number, () => undefined)));
      same(await textsOf(await reopen(subject, box)), ['1 text 0']);
    },
  },
  {
    claim: 'of those that share a box one leads at a time, and what one says the others hear',
    async run({ store }) {
      const one = await store.open(NAME);
      // A box that cannot be shared has nothing to agree upon.
      if (one.sharing === undefined) return;
      const other = await store.open(NAME);
      if (other.sharing === undefined) throw new Error('only one of two is shared');
      const heard = new Promise((resolve) => other.sharing?.listen(resolve));
      one.sharing.post({ look: true });
      same(await heard, { look: true });
      let oneLeads = false;
      let giveUp = (): void => {};
      await new Promise<void>((led) => {
        giveUp = one.sharing?.lead(() => led()) ?? giveUp;
      });
      oneLeads = true;
      const withdraw = other.sharing.lead(() => {
        throw new Error('it was withdrawn, and leads all the same');
      });
      withdraw();
      const led = new Promise<boolean>((resolve) => other.sharing?.lead(() => resolve(oneLeads)));
      await other.add(['a']);
      oneLeads = false;
      giveUp();
      same(await led, false);
    },
  },
];

/** What every `OutboxStore` must do. Runs anywhere: hand each claim to a test runner, or run it in a page. */
export const outboxStoreContract: readonly OutboxStoreClaim[] = claims.map(({ claim, run }) => ({
  claim,
  async run({ store, again }) {
    const boxes: OutboxBox[] = [];
    const noted = (of: OutboxStore): OutboxStore => ({
      async open(name) {
        const box = await of.open(name);
        boxes.push(box);
        return box;
      },
    });
    try {
      await run({ store: noted(store), again: () => noted(again()) });
    } finally {
      // One that was closed already may say so.
      for (const box of boxes) await box.close().catch(() => {});
    }
  },
}));

/** As after a crash, but for what holds the medium open. */
async function reopen(subject: OutboxStoreSubject, box: OutboxBox): Promise<OutboxBox> {
  await box.close();
  return subject.again().open(NAME);
}

async function textsOf(box: OutboxBox): Promise<readonly string[]> {
  const texts = [...(await box.all())].sort(([a], [b]) => a - b);
  return texts.map(([number, text]) => `${number} ${text}`);
}

function same(actual: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`is ${is}, should be ${should}`);
}
