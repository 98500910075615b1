import { describe, expect, it } from 'vitest';
import {
  type ChannelFrame,
  type ChannelRef,
  channelFrame,
  controlFrame,
} from '../../src/core/outbox/frame.ts';
import { heldUnits, holdResync } from '../../src/core/outbox/outbox.ts';
import { createSlowLine } from './slow-line.ts';

const channel = (slow: ChannelRef['slow'], heldUnits = 100): ChannelRef => ({ name: 'c', slow, heldUnits });

/** A literal publication of 25 units. */
const p = (of: ChannelRef, offset: number): ChannelFrame =>
  channelFrame(of, null, offset, `{"t":"p","c":"c","o":${offset}}`.padEnd(25));

const offsets = (texts: readonly string[]): string[] =>
  texts.map((text) => text.trim()).map((text) => /^\{"t":"p".*"o":(\d+)\}$/.exec(text)?.[1] ?? text);

describe('a connection that does not read', () => {
  it('has one write in flight; what follows is held, and goes out in one write when it has read', async () => {
    const c = channel('close');
    const line = createSlowLine(1_000);
    await line.send(p(c, 1));
    expect(offsets(line.read)).toEqual(['1']);
    line.pause();
    await line.send(p(c, 2));
    expect(offsets(line.inFlight)).toEqual(['2']);
    for (const offset of [3, 4, 5]) await line.send(p(c, offset));
    expect(line.writes).toBe(2);
    expect(heldUnits(line.link.outbox)).toBe(75);
    line.resume();
    expect(line.writes).toBe(3);
    expect(offsets(line.read)).toEqual(['1', '2', '3', '4', '5']);
    expect(line.link.outbox).toEqual({ current: null, held: null });
    expect(line.reported).toEqual(['slow']);
  });

  it('`close`: is closed beyond the channel’s bound, and not before', async () => {
    const c = channel('close');
    const line = createSlowLine(1_000);
    line.pause();
    for (const offset of [1, 2, 3, 4, 5]) await line.send(p(c, offset));
    expect(line.overflows).toBe(0);
    await line.send(p(c, 6));
    expect(line.overflows).toBe(1);
    expect(line.inFlight).toHaveLength(1);
  });

  it('`drop-oldest`: is told what it lost, and its gaps and losses are counted', async () => {
    const c = channel('drop-oldest');
    const line = createSlowLine(1_000);
    line.pause();
    for (const offset of [1, 2, 3, 4, 5, 6, 7, 8]) await line.send(p(c, offset));
    line.resume();
    expect(offsets(line.read)).toEqual([
      '1',
      '{"t":"gap","c":"c","why":"dropped","o":4}',
      '5',
      '6',
      '7',
      '8',
    ]);
    expect(line.reported).toEqual(['slow', 'drop-oldest 1', 'drop-oldest 1', 'drop-oldest 1', 'gap dropped']);
  });

  it('`resync`: the runtime is told once, and the client subscribes anew from its position', async () => {
    const c = channel('resync');
    const line = createSlowLine(1_000);
    line.pause();
    for (const offset of [1, 2, 3, 4, 5]) await line.send(p(c, offset));
    expect(line.resyncs).toEqual([]);
    await line.send(p(c, 6), p(c, 7));
    expect(line.resyncs).toEqual([c]);
    expect(heldUnits(line.link.outbox)).toBe(0);
    line.resume();
    expect(offsets(line.read)).toEqual(['1', '{"t":"gap","c":"c","why":"resync"}']);
    expect(line.reported).toEqual(['slow', 'resync 6', 'gap resync']);
    line.flusher.dropHeld(line.link, c);
    await line.send(controlFrame('ok'), controlFrame('ps 2-7'), p(c, 8));
    expect(offsets(line.read).slice(2)).toEqual(['ok', 'ps 2-7', '8']);
  });

  it('`resync`: a subscription that was begun anew meanwhile is told in place of the gap', async () => {
    const c = channel('resync');
    const line = createSlowLine(1_000);
    line.pause();
    for (const offset of [1, 2, 3, 4, 5, 6]) await line.send(p(c, offset));
    line.flusher.dropHeld(line.link, c);
    await line.send(controlFrame('ok'), controlFrame('ps 2-6'), p(c, 7));
    line.resume();
    expect(offsets(line.read)).toEqual(['1', 'ok', 'ps 2-6', '7']);
  });

  it('a subscription that ends in the turn of a publication is followed by nothing', async () => {
    const c = channel('drop-oldest');
    const line = createSlowLine(1_000);
    line.pause();
    await line.send(p(c, 1));
    await line.send(p(c, 2));
    line.flusher.send(line.link, p(c, 3));
    line.flusher.dropHeld(line.link, c);
    await line.answer('unsub');
    line.resume();
    expect(offsets(line.read)).toEqual(['1', 'unsub']);
  });

  it('what a turn owes when the write ends goes behind what was held, however much it is', async () => {
    const c = channel('close', 50);
    const line = createSlowLine(60);
    line.pause();
    for (const offset of [1, 2, 3]) await line.send(p(c, offset));
    for (const offset of [4, 5, 6]) line.flusher.send(line.link, p(c, offset));
    line.resume();
    expect(offsets(line.read)).toEqual(['1', '2', '3', '4', '5', '6']);
    await line.clock.settle();
    expect(line.writes).toBe(2);
    expect(line.overflows).toBe(0);
  });

  it('`resync`: the runtime is told too when the turn in which the write ends owes too much', async () => {
    const c = channel('resync', 50);
    const line = createSlowLine(1_000);
    line.pause();
    for (const offset of [1, 2, 3]) await line.send(p(c, offset));
    line.flusher.send(line.link, p(c, 4));
    line.resume();
    expect(offsets(line.read)).toEqual(['1', '{"t":"gap","c":"c","why":"resync"}']);
    expect(line.resyncs).toEqual([c]);
  });

  it('whose roster is being read again gets nothing of channels ahead of what waits for it', async () => {
    const c = channel('close');
    const line = createSlowLine(1_000);
    holdResync(line.link.outbox);
    line.link.rosterReads = 1;
    await line.send(p(c, 1));
    line.flusher.drained(line.link);
    expect(line.read).toEqual([]);
    line.link.rosterReads = 0;
    line.flusher.drained(line.link);
    expect(offsets(line.read)).toEqual(['1', '{"t":"sync","users":[]}']);
  });

  it('is closed when all channels and answers together are too much', async () => {
    const line = createSlowLine(100);
    const channels = [1, 2, 3, 4].map((n) => ({ ...channel('drop-oldest'), name: `c${n}` }));
    line.pause();
    await line.answer('in flight');
    for (const c of channels) await line.send(p(c, 1));
    expect(line.overflows).toBe(0);
    await line.answer('x');
    expect(line.overflows).toBe(1);
  });
});
