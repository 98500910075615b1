import type { Err, Ok } from '@carillon/protocol';
import { errorOf } from '../channels/channel-shell.ts';
import type { AskServer } from '../channels/publish-request.ts';
import type { Refusal } from '../core/channels/channel-events.ts';
import type { UnderWay } from '../core/channels/channels.ts';
import { LARGE_UNITS, REPLY_TIMEOUT_MS } from '../core/channels/lanes.ts';
import { refusal, refusalOf } from '../core/channels/machine.ts';
import { utf8Bytes } from '../core/channels/queue-room.ts';
import { callMs, callText, publishBody, publishText, publishedOf } from '../core/channels/request-text.ts';
import type { Platform } from '../platform.ts';
import { quiet } from '../quiet.ts';
import type { Shell, ShellParts } from '../shell.ts';

/**
 * Publications and calls on the line that there is: each is sent once, and fails where its line goes. What is to wait for a line, or
 * to be sent again, is the outbox's.
 */
export type Requests = {
  readonly ask: AskServer;
  /** The connection made a transition. */
  readonly follow: NonNullable<ShellParts['follow']>;
  underWay(): UnderWay;
};

/** One that was sent and is not answered. */
type Flight = {
  readonly socket: number;
  readonly isCall: boolean;
  /** Its refusal may name no request; see `LARGE_UNITS`. */
  readonly isLarge: boolean;
  readonly cancelTimer: () => void;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
};

/** @param shell of the connection; asked for late, for each needs the other */
export function createRequests(
  { setTimer }: Pick<Platform, 'setTimer'>,
  messageBytes: number,
  shell: () => Pick<Shell, 'state' | 'send' | 'dispatch'>,
): Requests {
  const flights = new Map<number, Flight>();
  // Odd: even ones are the connection's.
  let lastRequest = -1;

  function land(id: number): Flight | undefined {
    const flight = flights.get(id);
    flights.delete(id);
    flight?.cancelTimer();
    return flight;
  }

  function refuse(id: number, why: Refusal): void {
    land(id)?.reject(errorOf(why));
  }

  function takeReply(reply: Ok | Err): void {
    if (reply.t === 'err') {
      if (reply.i !== undefined) return refuse(reply.i, refusalOf(reply));
      // It was too fast to be read ([LIM1]), and which it was is not said: where it may be one of several, nobody knows.
      const large = [...flights].filter(([, { isLarge }]) => isLarge);
      if (reply.code === 'rate_limited')
        for (const [id] of large) refuse(id, { ...refusalOf(reply), unknown: large.length > 1 });
    } else if (reply.i !== undefined) {
      const flight = land(reply.i);
      flight?.resolve(flight.isCall ? reply.d : publishedOf(reply));
    }
  }

  return {
    ask<T>(make: Parameters<AskServer>[0]) {
      const id = (lastRequest += 2);
      const command = make(id);
      const isCall = command.type === 'call';
      const ms = isCall ? callMs(command.timeoutMs) : REPLY_TIMEOUT_MS;
      const text = isCall ? callText(id, command, ms) : publishText(id, publishBody(command, command.id));
      const bytes = utf8Bytes(text);
      const { phase } = shell().state();
      const settled = new Promise<T>((resolve, reject) => {
        if (phase.name !== 'live')
          return reject(errorOf(refusal(phase.name === 'stopped' ? phase.reason : 'line_lost')));
        if (bytes > messageBytes) return reject(errorOf(refusal('too_large', `${bytes} bytes`)));
        const { socket } = phase;
        const isLarge = text.length > LARGE_UNITS;
        const cancelTimer = setTimer(ms, () => {
          // The server owes a reply that will not come on this line; for a call the time is over.
          if (isCall) refuse(id, refusal('deadline_exceeded', '', true));
          else shell().dispatch({ type: 'replyMissing' });
        });
        flights.set(id, {
          socket,
          isCall,
          isLarge,
          cancelTimer,
          resolve: resolve as (value: unknown) => void,
          reject,
        });
        shell().send(socket, text);
      });
      return { settled: quiet(settled) };
    },
    follow(event, { phase }, effects) {
      for (const effect of effects)
        if (effect.do === 'channelMessage') {
          const { message } = effect;
          if (message.t === 'ok' || message.t === 'err') takeReply(message);
        }
      const socket = phase.name === 'live' ? phase.socket : null;
      const gone = phase.name === 'stopped' ? phase.reason : 'line_lost';
      const code = event.type === 'logout' ? 'logged_out' : gone;
      for (const [id, flight] of flights) if (flight.socket !== socket) refuse(id, refusal(code, '', true));
    },
    underWay() {
      if ([...flights.values()].some(({ isCall }) => isCall)) return 'call';
      return flights.size > 0 ? 'request' : null;
    },
  };
}
