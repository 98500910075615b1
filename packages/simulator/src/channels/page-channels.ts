import {
  type ChannelEffect,
  type ChannelEvent,
  type Channels,
  type ClientEvent,
  type ClientState,
  type Effect,
  channelEventsOf,
  createChannels,
} from '@carillon/client/core';
import type { Random } from '../random.ts';
import { EPOCH_MS } from '../time/node-clock.ts';
import type { Owner, Plan, VirtualTime } from '../time/virtual-time.ts';
import type { ChannelWatch } from './channel-watch.ts';
import type { OutboxWatch } from './outbox-watch.ts';
import { type PageOutbox, createPageOutbox } from './page-outbox.ts';
import { isMap } from './sim-contract.ts';

export type PageChannelsParts = {
  readonly name: string;
  readonly user: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly watch: ChannelWatch;
  /** Where the page publishes through an outbox. */
  readonly outboxes: OutboxWatch | null;
  readonly page: () => Owner;
  send(socket: number, text: string): void;
  failLine(): void;
};

/** What a page does with channels. */
export type PageChannels = {
  readonly machine: Channels;
  /** Entries of its outbox that the server has not answered. */
  readonly waiting: number;
  subscribe(channel: string): void;
  unsubscribe(channel: string): void;
  /** @param data null deletes the key */
  publish(
    channel: string,
    data: string | null,
    more?: { readonly key?: string; readonly ttlMs?: number },
  ): void;
  /** The connection went through a transition. */
  connection(event: ClientEvent, state: ClientState, effects: readonly Effect[]): void;
  /** The page is gone, with everything in it. */
  unload(): void;
};

/** The real channels of the SDK, driven as their contract says. */
export function createPageChannels(parts: PageChannelsParts): PageChannels {
  const { time, random, watch, name } = parts;
  const settings = { username: parts.user, queueCount: 200, queueBytes: 1_000_000, messageBytes: 64 * 1024 };
  const events: ChannelEvent[] = [];
  let machine = createChannels(settings);
  let alarm: Plan | null = null;
  /** Tickets of what the outbox handed over, with its own numbers. */
  let handed = new Map<number, number>();
  let ticket = 0;
  let busy = false;

  function dispatch(event: ChannelEvent): void {
    events.push(event);
    if (busy) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const nowMs = time.nowMs();
      const turn = { nowMs, wallMs: EPOCH_MS + nowMs, random: random.fraction() };
      for (const effect of machine.handle(next, turn)) perform(effect);
    }
    busy = false;
  }

  function perform(effect: ChannelEffect): void {
    switch (effect.do) {
      case 'send':
        return parts.send(effect.socket, effect.text);
      case 'setAlarm':
        alarm?.cancel();
        alarm = time.plan(effect.delayMs, parts.page(), () => {
          alarm = null;
          dispatch({ type: 'alarm' });
        });
        return;
      case 'clearAlarm':
        alarm?.cancel();
        alarm = null;
        return;
      case 'failLine':
        return parts.failLine();
      default:
        if ((effect.do === 'resolve' || effect.do === 'reject') && toOutbox(effect)) return;
        watch.told(name, effect);
    }
  }

  const outbox: PageOutbox | null =
    parts.outboxes === null
      ? null
      : createPageOutbox({
          name,
          time,
          random: random.fork('outbox'),
          watch: parts.outboxes,
          page: parts.page,
          hand({ hand, request, queue, number }) {
            if (!('channel' in request)) return;
            handed.set(++ticket, hand);
            const lane = { queue, number };
            dispatch({ ...request, type: 'publish', ticket, signal: false, lane });
          },
          settled: (effect) => watch.told(name, effect),
        });

  /** @returns whether the outbox waits for it */
  function toOutbox(effect: Extract<ChannelEffect, { do: 'resolve' | 'reject' }>): boolean {
    const hand = handed.get(effect.ticket);
    if (hand === undefined) return false;
    handed.delete(effect.ticket);
    outbox?.dispatch(
      effect.do === 'resolve'
        ? { type: 'answered', hand, value: effect.value }
        : { type: 'refused', hand, refusal: effect.refusal },
    );
    return true;
  }

  /** The outbox hears of the line before the channels give up what was on it. */
  function followLine(event: ChannelEvent): void {
    if (event.type === 'live') {
      outbox?.dispatch({ type: 'rest' });
      outbox?.dispatch({ type: 'lead', alone: true });
    } else if (event.type === 'down') outbox?.dispatch({ type: 'rest' });
    else if (event.type === 'forget') outbox?.dispatch(event);
  }

  return {
    get waiting() {
      return outbox?.waiting ?? 0;
    },
    get machine() {
      return machine;
    },
    subscribe: (channel) => dispatch({ type: 'subscribe', channel, kind: isMap(channel) ? 'map' : 'stream' }),
    unsubscribe(channel) {
      dispatch({ type: 'unsubscribe', channel });
      watch.forget(name, channel);
    },
    publish(channel, data, { key, ttlMs } = {}) {
      ticket++;
      watch.asked(name, ticket, channel, data);
      const request = { channel, data, key, ttlMs, ...(data === null ? { del: true } : {}) };
      if (outbox !== null) outbox.add(ticket, request);
      else dispatch({ ...request, type: 'publish', ticket, signal: false });
    },
    connection(cause, state, effects) {
      for (const event of channelEventsOf(cause, state, effects)) {
        followLine(event);
        dispatch(event);
        if (event.type === 'forget') watch.forget(name);
      }
    },
    unload() {
      events.length = 0;
      alarm = null;
      machine = createChannels(settings);
      handed = new Map();
      outbox?.unload();
      watch.forget(name);
      watch.gone(name);
    },
  };
}
