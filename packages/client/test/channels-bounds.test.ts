import { describe, expect, it } from 'vitest';
import type { ChannelEvent } from '../src/core/channels/channel-events.ts';
import { call } from '../src/core/channels/calls.ts';
import { onAlarm } from '../src/core/channels/alarm.ts';
import { pump, takeReply } from '../src/core/channels/lanes.ts';
import { goLive } from '../src/core/channels/line-changes.ts';
import { type Machine, newMachine } from '../src/core/channels/machine.ts';
import { publish } from '../src/core/channels/publishing.ts';
import { want } from '../src/core/channels/subscribing.ts';

// What a client holds does not grow with what it has done.

function machineOf(): Machine {
  return newMachine({ username: 'alice', queueCount: 10, queueBytes: 10_000, messageBytes: 10_000 });
}

function requestOf(machine: Machine): number {
  pump(machine);
  const sent = machine.effects.filter((effect) => effect.do === 'send');
  machine.effects = [];
  return (JSON.parse(sent.at(-1)!.text) as { i: number }).i;
}

describe('what a client holds', () => {
  it('[CALL2] of calls whose time ran out without a line is nothing', () => {
    const machine = machineOf();
    for (let ticket = 1; ticket <= 100; ticket++) {
      const event: ChannelEvent = { type: 'call', ticket, name: 'poll', input: '1', timeoutMs: 5 };
      call(machine, event);
      expect(machine.calls.queue).toHaveLength(1);
      machine.turn = { ...machine.turn, nowMs: machine.turn.nowMs + 5 };
      onAlarm(machine);
    }
    expect([machine.calls.queue.length, machine.queuedCount, machine.queuedBytes]).toEqual([0, 0, 0]);
  });

  it('[PUB4] of its own publications on a channel that it may not follow is nothing', () => {
    const machine = machineOf();
    goLive(machine, 1, 's_1');
    want(machine, { type: 'subscribe', channel: 'inbox:x', kind: 'stream' });
    takeReply(machine, { t: 'err', i: requestOf(machine), code: 'forbidden', m: '' });
    for (let ticket = 1; ticket <= 100; ticket++) {
      publish(machine, { type: 'publish', ticket, channel: 'inbox:x', signal: false, data: '1' });
      takeReply(machine, { t: 'ok', i: requestOf(machine), e: 'e1', o: ticket });
    }
    expect(machine.subscriptions.get('inbox:x')?.own).toEqual([]);
  });

  it('[PUB4] of its own publications on a channel that it cannot follow at the moment is nothing', () => {
    const machine = machineOf();
    goLive(machine, 1, 's_1');
    want(machine, { type: 'subscribe', channel: 'inbox:x', kind: 'stream' });
    takeReply(machine, { t: 'err', i: requestOf(machine), code: 'unavailable', m: '' });
    publish(machine, { type: 'publish', ticket: 1, channel: 'inbox:x', signal: false, data: '1' });
    takeReply(machine, { t: 'ok', i: requestOf(machine), e: 'e1', o: 1 });
    expect(machine.subscriptions.get('inbox:x')?.own).toEqual([]);
  });
});
