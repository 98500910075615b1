import type { Cancel } from '@carillon/protocol';
import type { CallCommand } from './channel-events.ts';
import { enqueue, land } from './lanes.ts';
import { type Machine, type Request, refusal, refusalOf, reject, resolve, say } from './machine.ts';
import { admit, release, utf8Bytes } from './queue-room.ts';
import { callMs, callText } from './request-text.ts';

/** Bytes of a message beside the name and the input. */
const ENVELOPE_BYTES = 60;

/**
 * Calls the server. Waits for a line, within its time; once it was sent it is never sent again, for whether it was
 * carried out is not known any more.
 */
export function call(machine: Machine, command: CallCommand): void {
  const { ticket, name, input, id } = command;
  const bytes = utf8Bytes(name) + utf8Bytes(input ?? '') + ENVELOPE_BYTES;
  if (!admit(machine, ticket, bytes)) return;
  const overAtMs = machine.turn.nowMs + callMs(command.timeoutMs);
  let request: number | null = null;

  function end(on: Machine): void {
    on.deadlines.delete(ticket);
    release(on, bytes);
  }

  machine.deadlines.set(ticket, {
    atMs: overAtMs,
    over(on, code) {
      // What still waits for a line must not wait for it without an end.
      on.calls.queue = on.calls.queue.filter((other) => other !== waiting);
      if (request !== null && land(on, request) !== undefined && code === 'cancelled')
        sendCancel(on, request);
      end(on);
      reject(on, ticket, refusal(code, '', request !== null));
    },
  });
  const waiting: Request = {
    text(on, i) {
      const ms = Math.max(1, Math.round(overAtMs - on.turn.nowMs));
      return callText(i, command, ms);
    },
    onSent(_, sent) {
      request = sent;
    },
    onOk(on, { d }) {
      end(on);
      resolve(on, ticket, d);
    },
    onErr(on, reply) {
      end(on);
      reject(on, ticket, refusalOf(reply));
    },
    onDown(on, wasSent) {
      if (!wasSent && id === undefined) return true;
      end(on);
      reject(on, ticket, refusal('line_lost', '', wasSent));
      return false;
    },
    onOver(on, code) {
      end(on);
      reject(on, ticket, refusal(code));
    },
    ends: true,
  };
  enqueue(machine, machine.calls, waiting);
}

/** The app no longer waits for a call. */
export function cancel(machine: Machine, ticket: number): void {
  machine.deadlines.get(ticket)?.over(machine, 'cancelled');
}

function sendCancel(machine: Machine, request: number): void {
  const message: Cancel = { t: 'cancel', r: request };
  say(machine, JSON.stringify(message));
}

export function nextDeadlineMs({ deadlines }: Machine): number | null {
  let first: number | null = null;
  for (const { atMs } of deadlines.values()) if (first === null || atMs < first) first = atMs;
  return first;
}

/** Ends calls whose time is over. */
export function endOverdueCalls(machine: Machine): void {
  for (const deadline of [...machine.deadlines.values()])
    if (deadline.atMs <= machine.turn.nowMs) deadline.over(machine, 'deadline_exceeded');
}
