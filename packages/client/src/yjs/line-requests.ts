import type { ChannelDownMessage } from '@carillon/protocol';
import type { Host } from '../channels/host.ts';
import type { ChannelEvent } from '../core/channels/channel-events.ts';
import { enqueue } from '../core/channels/lanes.ts';
import { type Lane, type Machine, type Request, newLane, say } from '../core/channels/machine.ts';
import type { DocumentEffect, DocumentEvent } from '../core/document/document-events.ts';

type Ask = Extract<DocumentEffect, { readonly do: 'ask' }>;

/** Sends what a document asks among the requests of the client's channels. */
export type LineRequests = {
  ask(effect: Ask): void;
  say(text: string): void;
};

export function createLineRequests(
  { shell }: Host,
  channel: string,
  dispatch: (event: DocumentEvent) => void,
): LineRequests {
  function visit(run: (machine: Machine) => void): void {
    shell.inTurn(() => ({ type: 'visit', run }));
  }

  /** Control characters stand in no channel's name. */
  function laneOf({ publishing, requests }: Machine, lane: Ask['lane']): Lane {
    if (lane === 'request') return requests;
    const name = `${lane}\n${channel}`;
    const known = publishing.get(name) ?? newLane(1);
    publishing.set(name, known);
    return known;
  }

  function requestOf({ ask, text }: Ask): Request {
    return {
      text: (_, i) => text(i),
      onOk: (_, reply) => dispatch({ type: 'answered', ask, reply }),
      onErr: (_, reply) => dispatch({ type: 'answered', ask, reply }),
      // The document decides what it asks on the next line.
      onDown(_, sent) {
        dispatch({ type: 'unanswered', ask, sent });
        return false;
      },
    };
  }

  return {
    ask: (effect) => visit((machine) => enqueue(machine, laneOf(machine, effect.lane), requestOf(effect))),
    say: (text) => visit((machine) => say(machine, text)),
  };
}

/** What happens to the line, and comes of the channel; null: nothing that concerns the document. */
export function documentEventOf(event: ChannelEvent, channel: string): DocumentEvent | null {
  switch (event.type) {
    case 'live':
      return { type: 'live' };
    case 'down':
      return { type: 'down', stopped: event.stopped };
    case 'message': {
      const message = event.message as ChannelDownMessage;
      return 'c' in message && message.c === channel ? { type: 'message', message } : null;
    }
    default:
      return null;
  }
}
