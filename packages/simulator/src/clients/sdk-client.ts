import {
  type ClientEvent,
  type ClientState,
  type Effect,
  type Friend,
  type TimerName,
  createFriends,
  initialState,
  ownStatus,
  transition,
} from '@carillon/client/core';
import type { ChannelWatch } from '../channels/channel-watch.ts';
import type { OutboxWatch } from '../channels/outbox-watch.ts';
import { type PageChannels, createPageChannels } from '../channels/page-channels.ts';
import type { Line } from '../network/line.ts';
import type { Network } from '../network/network.ts';
import type { Random } from '../random.ts';
import { EPOCH_MS } from '../time/node-clock.ts';
import { type Owner, type Plan, type VirtualTime, createOwner } from '../time/virtual-time.ts';
import type { OwnPatch, SeenFriend, SimClient } from './sim-client.ts';

const FIELDS = ['a', 'p', 'l'] as const;

export type SdkClientParts = {
  readonly name: string;
  readonly user: string;
  readonly device: string | null;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: Network;
  /** Asks the app's own server for a login token; null where that fails. */
  readonly fetchToken: (owner: Owner) => Promise<string | null>;
  /** A resume token that another tab left in the storage. */
  readonly stored?: string | null;
  /** Where the run is about channels: who is told what pages see of them. */
  readonly watch?: ChannelWatch | undefined;
  /** Where the page publishes through an outbox: holds it to what it promises. */
  readonly outboxes?: OutboxWatch | null;
};

/** A page that uses the SDK: the real client core, driven as its contract says. */
export function createSdkClient(parts: SdkClientParts): SimClient {
  const { time, random, network } = parts;
  const settings = { username: parts.user, device: parts.device, renewable: true };
  const timers = new Map<TimerName, Plan>();
  const events: ClientEvent[] = [];
  let page: Owner = createOwner(parts.name);
  let state: ClientState = initialState(settings);
  let friends = createFriends(FIELDS);
  let stored = parts.stored ?? null;
  let line: { readonly socket: number; readonly line: Line } | null = null;
  let better: { readonly line: Line; socket: number | null } | null = null;
  let ticket = 0;
  let settledUpTo = 0;
  let said: Record<string, string> = {};
  let busy = false;

  /** One event at a time; what arises while effects are carried out waits. */
  function dispatch(event: ClientEvent): void {
    events.push(event);
    if (busy) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const nowMs = time.nowMs();
      const turn = { nowMs, wallMs: EPOCH_MS + nowMs, random: random.fraction() };
      const result = transition(state, next, turn, ownStatus);
      state = result.state;
      for (const effect of result.effects) perform(effect);
      channels?.connection(next, state, result.effects);
    }
    busy = false;
  }

  const channels: PageChannels | null =
    parts.watch === undefined
      ? null
      : createPageChannels({
          name: parts.name,
          user: parts.user,
          time,
          random: random.fork('channels'),
          watch: parts.watch,
          outboxes: parts.outboxes ?? null,
          page: () => page,
          send(socket, text) {
            if (line?.socket === socket) line.line.send(text);
          },
          failLine: () => dispatch({ type: 'replyMissing' }),
        });

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'openSocket':
        return openSocket(effect.socket);
      case 'send':
        if (line?.socket === effect.socket) line.line.send(effect.text);
        return;
      case 'closeSocket':
        if (line?.socket !== effect.socket) return;
        line.line.hangUp();
        line = null;
        return;
      case 'adoptSocket':
        if (better === null) return;
        better.socket = effect.socket;
        line = { socket: effect.socket, line: better.line };
        better = null;
        return;
      case 'setTimer':
        timers.get(effect.name)?.cancel();
        timers.set(
          effect.name,
          time.plan(effect.delayMs, page, () => {
            timers.delete(effect.name);
            dispatch({ type: 'timer', name: effect.name });
          }),
        );
        return;
      case 'clearTimer':
        timers.get(effect.name)?.cancel();
        timers.delete(effect.name);
        return;
      case 'fetchToken':
        return fetchToken(effect.fetch, page);
      case 'presence':
        friends.apply(effect.message);
        return;
      case 'clearPresence':
        friends.clear();
        return;
      case 'channelMessage':
        // Handed on behind the transition, with everything else that concerns channels.
        return;
      case 'saveResume':
        stored = effect.token;
        return;
      case 'clearResume':
        stored = null;
        return;
      case 'saveOwn':
        // A page whose storage has room for the token alone.
        return;
      case 'settle':
        settledUpTo = Math.max(settledUpTo, effect.upTo);
        // What was refused or given up is not what the user is seen as.
        if (effect.code !== null) said = {};
        return;
      case 'emitStatus':
        return;
    }
  }

  function openSocket(socket: number): void {
    const opening = network.connect(parts.name, {
      opened: () => dispatch({ type: 'socketOpened', socket }),
      message: (text) => dispatch({ type: 'socketMessage', socket, text }),
      closed(code) {
        if (line?.socket === socket) line = null;
        dispatch({ type: 'socketClosed', socket, code });
      },
    });
    line = { socket, line: opening };
  }

  /** Opens another line beside the one there is, as to a better transport, and moves to it once it stands. */
  function climb(): void {
    if (state.phase.name !== 'live') return;
    const by = page;
    const opening = network.connect(parts.name, {
      opened() {
        if (!by.alive) return beside.line.hangUp();
        better = beside;
        dispatch({ type: 'climb' });
        if (better === null) return;
        better = null;
        beside.line.hangUp();
      },
      message(text) {
        if (beside.socket !== null) dispatch({ type: 'socketMessage', socket: beside.socket, text });
      },
      closed(code) {
        const { socket } = beside;
        if (socket === null) return;
        if (line?.socket === socket) line = null;
        dispatch({ type: 'socketClosed', socket, code });
      },
    });
    const beside: { readonly line: Line; socket: number | null } = { line: opening, socket: null };
  }

  function fetchToken(fetch: number, by: Owner): void {
    void parts.fetchToken(by).then((token) => {
      if (!by.alive) return;
      dispatch(token === null ? { type: 'tokenFailed', fetch } : { type: 'tokenReady', fetch, token });
    });
  }

  /** The page is gone, with everything in it; the storage stays. */
  function unload(): void {
    page.alive = false;
    page = createOwner(parts.name);
    timers.clear();
    channels?.unload();
    line?.line.hangUp();
    line = null;
    state = initialState(settings);
    friends = createFriends(FIELDS);
    said = {};
    settledUpTo = ticket;
  }

  function wants(): boolean {
    return state.phase.name !== 'idle' && state.phase.name !== 'stopped' && state.phase.name !== 'leaving';
  }

  return {
    name: parts.name,
    user: parts.user,
    device: parts.device,
    kind: 'sdk',
    get wants() {
      return wants();
    },
    get connected() {
      return state.phase.name === 'live';
    },
    get line() {
      return line?.line ?? null;
    },
    get resume() {
      return stored;
    },
    get unsettled() {
      return wants() ? ticket - settledUpTo : 0;
    },
    get said() {
      return said;
    },
    come() {
      if (!wants()) dispatch({ type: 'start', resume: stored });
    },
    leave: () => dispatch({ type: 'stop' }),
    climb,
    channels,
    logOut() {
      dispatch({ type: 'logout' });
      said = {};
    },
    reload() {
      if (!wants()) return;
      unload();
      dispatch({ type: 'start', resume: stored });
    },
    set(patch: OwnPatch) {
      said = { ...said, ...patch };
      dispatch({ type: 'setStatus', patch, ticket: ++ticket });
    },
    friends() {
      const view = new Map<string, SeenFriend>();
      for (const friend of friends.all.values()) view.set(friend.id, seen(friend));
      return view;
    },
  };
}

function seen(friend: Friend<'a' | 'p' | 'l'>): SeenFriend {
  const fields: Record<string, string> = {};
  for (const name of FIELDS) {
    const value = friend[name];
    if (value !== undefined) fields[name] = value;
  }
  return { s: friend.status, fields, ts: friend.lastSeen };
}
