import { CarillonError } from '../carillon-error.ts';
import type { ChannelEffect, ChannelEvent, Refusal } from '../core/channels/channel-events.ts';
import { type Channels, createChannels } from '../core/channels/channels.ts';
import { channelEventsOf } from '../core/channels/connection-events.ts';
import type { ChannelSettings, Visit } from '../core/channels/machine.ts';
import type { ClientEvent, Effect } from '../core/events.ts';
import type { ClientState } from '../core/state.ts';
import { guarded } from '../listeners.ts';
import type { Platform } from '../platform.ts';
import { quiet } from '../quiet.ts';
import type { Shell } from '../shell.ts';
import { turnOf } from '../turn.ts';

/** What is told about one channel. */
export type ChannelNews = Extract<ChannelEffect, { readonly channel: string }>;

/** What is told about none. */
export type OtherNews = Extract<ChannelEffect, { readonly do: 'broadcast' | 'serve' }>;

export type ChannelShellParts = {
  readonly platform: Platform;
  readonly settings: ChannelSettings;
  /** The connection's; asked for late, for each needs the other. */
  readonly connection: () => Shell;
  readonly onNews: (news: ChannelNews) => void;
  readonly onOther: (news: OtherNews) => void;
};

/** Carries out what the core of the channels decides, on a platform and beside a connection. */
export type ChannelShell = {
  readonly channels: Channels;
  dispatch(event: ChannelEvent): void;
  /** Dispatches what is decided in its turn: behind whatever the app did before. @param make undefined: nothing */
  inTurn(make: () => ChannelEvent | Visit | undefined): void;
  /** Asks for something that is settled later. @param make the command, with its ticket */
  ask<T>(make: (ticket: number) => ChannelEvent): { readonly ticket: number; readonly settled: Promise<T> };
  /** The connection made a transition. */
  follow(event: ClientEvent, state: ClientState, effects: readonly Effect[]): void;
};

type Waiter = { readonly resolve: (value: unknown) => void; readonly reject: (error: CarillonError) => void };

export function createChannelShell(parts: ChannelShellParts): ChannelShell {
  const { platform } = parts;
  const channels = createChannels(parts.settings);
  const events: (() => ChannelEvent | Visit | undefined)[] = [];
  const waiters = new Map<number, Waiter>();
  let lastTicket = 0;
  let busy = false;
  let endAlarm = (): void => {};

  /** One event at a time: what arises while effects are carried out waits until all of them are. */
  function inTurn(make: () => ChannelEvent | Visit | undefined): void {
    events.push(make);
    if (busy) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const event = next();
      if (event === undefined) continue;
      for (const effect of channels.handle(event, turnOf(platform)))
        guarded(() => perform(effect), platform.report);
    }
    busy = false;
  }

  function dispatch(event: ChannelEvent): void {
    inTurn(() => event);
  }

  function perform(effect: ChannelEffect): void {
    switch (effect.do) {
      case 'send':
        return parts.connection().send(effect.socket, effect.text);
      case 'setAlarm':
        endAlarm();
        endAlarm = platform.setTimer(effect.delayMs, () => dispatch({ type: 'alarm' }));
        return;
      case 'clearAlarm':
        return endAlarm();
      case 'failLine':
        return parts.connection().dispatch({ type: 'replyMissing' });
      case 'resolve':
        take(effect.ticket)?.resolve(effect.value);
        return;
      case 'reject':
        take(effect.ticket)?.reject(errorOf(effect.refusal));
        return;
      case 'broadcast':
      case 'serve':
        return parts.onOther(effect);
      default:
        return parts.onNews(effect);
    }
  }

  function take(ticket: number): Waiter | undefined {
    const waiter = waiters.get(ticket);
    waiters.delete(ticket);
    return waiter;
  }

  return {
    channels,
    dispatch,
    inTurn,
    ask<T>(make: (ticket: number) => ChannelEvent) {
      const ticket = ++lastTicket;
      const settled = quiet(
        new Promise<T>((resolve, reject) => {
          // What a ticket is settled with is what its command says.
          waiters.set(ticket, { resolve: resolve as (value: unknown) => void, reject });
        }),
      );
      dispatch(make(ticket));
      return { ticket, settled };
    },
    follow(cause, state, effects) {
      for (const event of channelEventsOf(cause, state, effects)) dispatch(event);
    },
  };
}

export function errorOf({ code, detail, ...more }: Refusal): CarillonError {
  return new CarillonError(code, detail, more);
}
