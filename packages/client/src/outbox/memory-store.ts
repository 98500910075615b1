import type { OutboxBox, OutboxStore } from './outbox-store.ts';

/** Keeps boxes for as long as the store lives: for tests, and where nothing else can be had. Nothing outlives the process. */
export function memoryStore(): OutboxStore {
  const boxes = new Map<string, OutboxBox>();
  return {
    open(name) {
      const box = boxes.get(name) ?? createBox();
      boxes.set(name, box);
      return Promise.resolve(box);
    },
  };
}

function createBox(): OutboxBox {
  const texts = new Map<number, string>();
  let last = 0;
  return {
    durable: false,
    all: () => Promise.resolve(new Map(texts)),
    add: (added) =>
      Promise.resolve(
        added.map((text) => {
          texts.set(++last, text);
          return last;
        }),
      ),
    edit(number, change) {
      const text = change(texts.get(number));
      if (text === undefined) texts.delete(number);
      else texts.set(number, text);
      return Promise.resolve();
    },
    erase() {
      texts.clear();
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
