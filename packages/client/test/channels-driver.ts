import { expect } from 'vitest';
import {
  type ChannelEffect,
  type ChannelEvent,
  type ChannelSettings,
  type Channels,
  type ChannelState,
  type PublishCommand,
  type Start,
  createChannels,
} from '../src/core/index.ts';

type Message = Record<string, unknown>;
type Told = Exclude<ChannelEffect, { do: 'send' | 'setAlarm' | 'clearAlarm' }>;

/**
 * Drives the channels under a virtual clock, and holds them to their contract at every step: nothing is sent but on the
 * line that is there, one alarm at a time, request ids odd and never twice on one line.
 */
export type ChannelsDriver = {
  readonly channels: Channels;
  readonly nowMs: number;
  /** What the app was told since the last look. */
  readonly told: Told[];
  /** When the alarm rings; null: it is not set. */
  readonly alarmAtMs: number | null;
  dispatch(event: ChannelEvent): void;
  live(session?: string): void;
  down(stopped?: 'replaced'): void;
  /** Messages of the server, as they would come out of JSON. */
  receive(...messages: object[]): void;
  /** Lets time pass, ringing the alarm on the way. */
  advance(ms: number): void;
  /** Lets only the wall clock pass, as on a machine that sleeps. */
  sleep(ms: number): void;
  /** Takes the messages sent since the last look; with a type, the only one of them must be of that type. */
  takeSent(): Message[];
  takeOne(t: string): Message;
  /** Takes what was told since the last look, all or of one kind. */
  takeTold(): Told[];
  takeAll<K extends Told['do']>(kind: K): Extract<Told, { do: K }>[];
  subscribe(channel: string, start?: Start, kind?: 'stream' | 'map' | 'signal'): void;
  unsubscribe(channel: string): void;
  /** @returns the ticket */
  publish(channel: string, data: unknown, more?: Partial<PublishCommand>): number;
  call(name: string, input: unknown, timeoutMs?: number): number;
  status(channel: string): ChannelState['status'];
};

const SETTINGS: ChannelSettings = {
  username: 'alice',
  queueCount: 1000,
  queueBytes: 1024 * 1024,
  messageBytes: 64 * 1024,
};

export function driveChannels(
  options: Partial<ChannelSettings> & { readonly random?: () => number } = {},
): ChannelsDriver {
  const { random = () => 0.5, ...settings } = options;
  const channels = createChannels({ ...SETTINGS, ...settings });
  let nowMs = 1000;
  let wallMs = 1_763_715_600_000;
  let socket = 0;
  let isLive = false;
  let alarmAtMs: number | null = null;
  let ticket = 0;
  let sent: Message[] = [];
  let told: Told[] = [];
  let ids = new Set<unknown>();

  function dispatch(event: ChannelEvent): void {
    for (const effect of channels.handle(event, { nowMs, wallMs, random: random() })) perform(effect);
  }

  function perform(effect: ChannelEffect): void {
    switch (effect.do) {
      case 'send': {
        expect(isLive, 'sends while there is a line').toBe(true);
        expect(effect.socket, 'on the line that is there').toBe(socket);
        const message = JSON.parse(effect.text) as Message;
        if ('i' in message) {
          expect((message['i'] as number) % 2, 'odd request ids').toBe(1);
          expect(ids.has(message['i']), 'a request id of its own').toBe(false);
          ids.add(message['i']);
        }
        sent.push(message);
        return;
      }
      case 'setAlarm':
        expect(Number.isInteger(effect.delayMs) && effect.delayMs >= 0, 'whole milliseconds').toBe(true);
        alarmAtMs = nowMs + effect.delayMs;
        return;
      case 'clearAlarm':
        expect(alarmAtMs, 'clears an alarm that is set').not.toBeNull();
        alarmAtMs = null;
        return;
      default:
        told.push(effect);
    }
  }

  function takeAll<K extends Told['do']>(kind: K): Extract<Told, { do: K }>[] {
    const taken = told.filter((effect) => effect.do === kind);
    told = told.filter((effect) => effect.do !== kind);
    return taken as Extract<Told, { do: K }>[];
  }

  function takeSent(): Message[] {
    const taken = sent;
    sent = [];
    return taken;
  }

  return {
    channels,
    get nowMs() {
      return nowMs;
    },
    get told() {
      return told;
    },
    get alarmAtMs() {
      return alarmAtMs;
    },
    dispatch,
    live(session = 's_1') {
      socket++;
      isLive = true;
      ids = new Set();
      dispatch({ type: 'live', socket, session });
    },
    down(stopped) {
      isLive = false;
      dispatch({ type: 'down', stopped: stopped ?? null });
    },
    receive(...messages) {
      for (const message of messages)
        dispatch({ type: 'message', message: JSON.parse(JSON.stringify(message)) as unknown });
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      while (alarmAtMs !== null && alarmAtMs <= untilMs) {
        wallMs += alarmAtMs - nowMs;
        nowMs = alarmAtMs;
        alarmAtMs = null;
        dispatch({ type: 'alarm' });
      }
      wallMs += untilMs - nowMs;
      nowMs = untilMs;
    },
    sleep(ms) {
      wallMs += ms;
    },
    takeSent,
    takeOne(t) {
      const messages = takeSent();
      expect(messages.map((message) => message['t'])).toEqual([t]);
      return messages[0]!;
    },
    takeTold() {
      const taken = told;
      told = [];
      return taken;
    },
    takeAll,
    subscribe(channel, start, kind = 'stream') {
      dispatch({ type: 'subscribe', channel, kind, start });
    },
    unsubscribe: (channel) => dispatch({ type: 'unsubscribe', channel }),
    publish(channel, data, more = {}) {
      dispatch({
        type: 'publish',
        ticket: ++ticket,
        channel,
        signal: false,
        data: data === undefined ? null : JSON.stringify(data),
        ...more,
      });
      return ticket;
    },
    call(name, input, timeoutMs = 10_000) {
      dispatch({ type: 'call', ticket: ++ticket, name, input: JSON.stringify(input) ?? null, timeoutMs });
      return ticket;
    },
    status: (channel) => channels.state(channel).status,
  };
}

/** Subscribed to a stream that stands at this offset of the epoch `e1`. */
export function subscribed(
  offset: number,
  options: Parameters<typeof driveChannels>[0] = {},
): ChannelsDriver {
  const driver = driveChannels(options);
  driver.live();
  driver.subscribe('chat:x');
  driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: offset });
  expect(driver.status('chat:x')).toBe('live');
  driver.takeTold();
  return driver;
}

/** A publication of the stream, whose payload says where it stands. */
export function p(o: number): object {
  return { t: 'p', c: 'chat:x', o, ts: 5, by: 'bob', d: o };
}

/** The same in a replay. */
export function ps(...offsets: number[]): object {
  return { t: 'ps', c: 'chat:x', ps: offsets.map((o) => ({ o, ts: 5, by: 'bob', d: o })) };
}

/** What was told of the stream: offsets of publications, and words for the rest. */
export function story(driver: ChannelsDriver): (number | string)[] {
  return driver.takeTold().flatMap((effect): (number | string)[] => {
    switch (effect.do) {
      case 'publications':
        return effect.publications.map(({ position }) => position.offset);
      case 'lost':
        return [`lost ${effect.why} ${effect.from?.offset ?? '-'} ${effect.to.epoch}/${effect.to.offset}`];
      case 'conflated':
        return [`conflated ${effect.from?.offset ?? '-'} ${effect.to.offset}`];
      case 'state':
        return [
          effect.state.code === null ? effect.state.status : `${effect.state.status} ${effect.state.code}`,
        ];
      default:
        return [effect.do];
    }
  });
}
