import type { ChannelEffect, Position, Publication } from '@carillon/client/core';
import type { Violations } from '../violations.ts';
import { isMap } from './sim-contract.ts';
import type { Truth } from './truth.ts';

/** Holds what pages are told of channels against what the logs took, at the moment they are told. */
export type ChannelWatch = {
  told(client: string, effect: ChannelEffect): void;
  asked(client: string, ticket: number, channel: string, data: string | null): void;
  /** The page has dropped what it knew: of one channel, or of all. */
  forget(client: string, channel?: string): void;
  /** The page is gone: what it had asked for nobody waits for. */
  gone(client: string): void;
  /** Publications that were neither taken nor refused. */
  unsettled(client: string): number;
  /** How many publications pages applied; a run in which none were shows nothing. */
  readonly applied: number;
};

type Asked = { readonly channel: string; readonly data: string | null };

export function createChannelWatch(truth: Truth, violations: Violations): ChannelWatch {
  /** By client and channel: the last publication that was applied, or told as lost. */
  const positions = new Map<string, Map<string, Position>>();
  const waiting = new Map<string, Map<number, Asked>>();
  let applied = 0;

  function positionsOf(client: string): Map<string, Position> {
    let found = positions.get(client);
    if (found === undefined) positions.set(client, (found = new Map<string, Position>()));
    return found;
  }

  function waitingOf(client: string): Map<number, Asked> {
    let found = waiting.get(client);
    if (found === undefined) waiting.set(client, (found = new Map<number, Asked>()));
    return found;
  }

  function apply(client: string, channel: string, { position, data }: Publication): void {
    applied++;
    const { epoch, offset } = position;
    const before = positionsOf(client).get(channel);
    if (before !== undefined && (before.epoch !== epoch || before.offset + 1 !== offset))
      violations.found('j', `${client} applies ${channel} ${describe(position)} behind ${describe(before)}`);
    positionsOf(client).set(channel, position);
    const taken = truth.at(channel, epoch, offset);
    if (taken === undefined)
      violations.found('k', `${client} applies ${channel} ${describe(position)}, which no log took`);
    else if (taken.data !== JSON.stringify(data))
      violations.found(
        'k',
        `${client} applies ${JSON.stringify(data)} at ${channel} ${describe(position)}; it is ${taken.data}`,
      );
  }

  function moved(client: string, channel: string, from: Position | null, to: Position): void {
    // A map's position moves with its changes and pages, of which nobody is told one by one.
    if (isMap(channel)) return;
    const before = positionsOf(client).get(channel);
    const same = before === undefined ? from === null : from !== null && describe(from) === describe(before);
    if (!same && before !== undefined)
      violations.found(
        'j',
        `${client} is told that ${channel} is lost from ${describe(from)}, and had ${describe(before)}`,
      );
    positionsOf(client).set(channel, to);
  }

  function settled(client: string, ticket: number, value: unknown): void {
    const asked = waitingOf(client).get(ticket);
    if (asked === undefined) {
      violations.found('n', `${client}: the ticket ${ticket} is settled twice`);
      return;
    }
    waitingOf(client).delete(ticket);
    const { position, duplicate } = value as {
      readonly position: Position | null;
      readonly duplicate: boolean;
    };
    // Where it lies is not known any more ([PUB7]).
    if (position === null && duplicate) return;
    const taken = position === null ? undefined : truth.at(asked.channel, position.epoch, position.offset);
    if (taken === undefined || taken.data !== asked.data)
      violations.found(
        'n',
        `${client} is told that ${asked.data} stands at ${asked.channel} ${describe(position)}; it is ${taken?.data}`,
      );
  }

  return {
    told(client, effect) {
      switch (effect.do) {
        case 'publications':
          for (const publication of effect.publications) apply(client, effect.channel, publication);
          return;
        case 'lost':
        case 'conflated':
          return moved(client, effect.channel, effect.from, effect.to);
        case 'resolve':
          return settled(client, effect.ticket, effect.value);
        case 'reject':
          waitingOf(client).delete(effect.ticket);
          return;
        default:
      }
    },
    asked(client, ticket, channel, data) {
      waitingOf(client).set(ticket, { channel, data });
    },
    forget(client, channel) {
      if (channel === undefined) positions.delete(client);
      else positionsOf(client).delete(channel);
    },
    gone: (client) => void waiting.delete(client),
    unsettled: (client) => waiting.get(client)?.size ?? 0,
    get applied() {
      return applied;
    },
  };
}

function describe(position: Position | null): string {
  return position === null ? 'nothing' : `${position.epoch}@${position.offset}`;
}
