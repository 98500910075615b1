import type { Violations } from '../violations.ts';

/** Holds outboxes to what they promise: what is in the store is applied, once, in its order, or said not to be. */
export type OutboxWatch = {
  /** The log took a payload, of whomever. */
  taken(channel: string, data: string): void;
  /** The entry is in the store: from now on nothing may lose it. */
  stored(client: string, number: number, text: string): void;
  changed(client: string, number: number, state: string): void;
  /** The user has logged out: their queue is nobody's promise. */
  erased(client: string): void;
  /** When everything is quiet: what is promised and was not kept. */
  check(client: string): void;
};

type Promised = { readonly channel: string; readonly data: string };

export function createOutboxWatch(violations: Violations): OutboxWatch {
  const promised = new Map<string, Map<number, Promised>>();
  /** By channel: the place of each payload in the order in which it was first taken. */
  const order = new Map<string, Map<string, number>>();

  function of(client: string): Map<number, Promised> {
    let found = promised.get(client);
    if (found === undefined) promised.set(client, (found = new Map<number, Promised>()));
    return found;
  }

  return {
    taken(channel, data) {
      let places = order.get(channel);
      if (places === undefined) order.set(channel, (places = new Map<string, number>()));
      if (!places.has(data)) places.set(data, places.size);
    },
    stored(client, number, text) {
      const { what } = JSON.parse(text) as { readonly what: { channel: string; data: string | null } };
      // Deletions of a key carry nothing to know them by.
      if (what.data !== null) of(client).set(number, { channel: what.channel, data: what.data });
    },
    changed(client, number, state) {
      if (state === 'rejected' || state === 'unknown' || state === 'cancelled') of(client).delete(number);
    },
    erased: (client) => of(client).clear(),
    check(client) {
      const last = new Map<string, number>();
      for (const [number, { channel, data }] of [...of(client)].toSorted(([a], [b]) => a - b)) {
        const place = order.get(channel)?.get(data);
        if (place === undefined)
          violations.found('o', `${client}: entry ${number}, ${data}, never arrived on ${channel}`);
        else if (place < (last.get(channel) ?? -1))
          violations.found('o', `${client}: entry ${number}, ${data}, was overtaken on ${channel}`);
        else last.set(channel, place);
      }
    },
  };
}
