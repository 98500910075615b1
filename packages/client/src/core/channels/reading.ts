import type { History, Ok, PublicationItem } from '@carillon/protocol';
import type { ChannelEvent, HistoryItem, HistoryPage } from './channel-events.ts';
import { enqueue } from './lanes.ts';
import { list } from './list.ts';
import { type Machine, refusal, refusalOf, reject, resolve } from './machine.ts';
import { publicationOf } from './publication.ts';
import { admit, release } from './queue-room.ts';

/**
 * Asks the server for something that changes nothing, so that it can be asked again: it waits for a line, and for the next
 * one where that drops.
 */
export function ask(
  machine: Machine,
  ticket: number,
  text: (id: number) => string,
  valueOf: (reply: Ok) => unknown,
): void {
  if (!admit(machine, ticket, 0)) return;
  enqueue(machine, machine.requests, {
    text: (_, id) => text(id),
    onOk(on, reply) {
      release(on, 0);
      resolve(on, ticket, valueOf(reply));
    },
    onErr(on, reply) {
      release(on, 0);
      reject(on, ticket, refusalOf(reply));
    },
    onDown: () => true,
    onOver(on, code) {
      release(on, 0);
      reject(on, ticket, refusal(code));
    },
  });
}

const NOWHERE = { epoch: undefined, offset: undefined };

/** Asks for a page of the history ([REC7]). */
export function askHistory(machine: Machine, command: Extract<ChannelEvent, { type: 'history' }>): void {
  const { ticket, channel, position, reverse, limit } = command;
  ask(
    machine,
    ticket,
    (i) => {
      const { epoch: e, offset: o } = position ?? NOWHERE;
      const message: History = { t: 'hist', i, c: channel, e, o, rev: reverse || undefined, n: limit };
      return JSON.stringify(message);
    },
    ({ e = '', o = 0, ps, more }): HistoryPage => ({
      publications: list(ps).map((item) => historyItem(e, item)),
      more: more ?? false,
      top: { epoch: e, offset: o },
    }),
  );
}

function historyItem(epoch: string, item: PublicationItem): HistoryItem {
  return { ...publicationOf(epoch, item), key: item.k ?? null, deleted: item.del ?? false };
}
