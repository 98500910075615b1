import { describe, expect, it } from 'vitest';
import {
  type ChannelFrame,
  type ChannelRef,
  type OutboundFrame,
  channelFrame,
  controlFrame,
  gapFrame,
  heartbeatFrame,
  presenceFrame,
} from '../../src/core/outbox/frame.ts';
import {
  type HoldOutcome,
  type Outbox,
  type Renderer,
  dropHeld,
  emptyOutbox,
  heldUnits,
  hold,
  release,
} from '../../src/core/outbox/outbox.ts';
import { RunNode } from '../../src/core/outbox/run-trie.ts';

const LIMITS = { heldControlUnits: 1_000, heldFriends: 10 };

const render: Renderer = {
  friend: (subject) => controlFrame(`friend ${subject}`),
  fullSync: () => controlFrame('sync'),
  heartbeat: () => controlFrame('hb'),
  gap: gapFrame,
};

/** A channel of which 30 units are held: three frames of ten. */
const channel = (slow: ChannelRef['slow'], name: string = slow): ChannelRef => ({
  name,
  slow,
  heldUnits: 30,
});

/** A publication of ten units. */
const p = (of: ChannelRef, offset: number, key: string | null = null): ChannelFrame =>
  channelFrame(of, key, offset, `${key ?? 'p'}@${offset}`.padEnd(10, '.'));

/** What has no offset: a signal, a `join`; ten units. */
const other = (of: ChannelRef, key: string, text: string): ChannelFrame =>
  channelFrame(of, key, 0, text.padEnd(10, '.'));

function holding(...turns: readonly (readonly OutboundFrame[])[]): { outbox: Outbox; last: HoldOutcome } {
  const outbox = emptyOutbox();
  let last = hold(outbox, LIMITS);
  for (const turn of turns) last = holdMore(outbox, ...turn);
  return { outbox, last };
}

function holdMore(outbox: Outbox, ...frames: readonly OutboundFrame[]): HoldOutcome {
  outbox.current = frames.reduce((run, frame) => run.append(frame), RunNode.root());
  return hold(outbox, LIMITS);
}

const released = (outbox: Outbox): string[] =>
  release(outbox, render).map(({ text }) => text.replace(/\.+$/, ''));

describe('close', () => {
  const ref = channel('close');

  it('keeps what fits in its order, and overflows at one more', () => {
    const { outbox, last } = holding([p(ref, 1), p(ref, 2)], [p(ref, 3)]);
    expect(last).toEqual({
      overflow: false,
      conflated: 0,
      resynced: false,
      dropped: null,
      resyncs: null,
    });
    expect(heldUnits(outbox)).toBe(30);
    expect(holdMore(outbox, channelFrame(ref, null, 4, 'x')).overflow).toBe(true);
  });

  it('[REC3] what was held is told whole', () => {
    const { outbox } = holding([p(ref, 7), p(ref, 8)], [p(ref, 9)]);
    expect(released(outbox)).toEqual(['p@7', 'p@8', 'p@9']);
    expect(heldUnits(outbox)).toBe(0);
  });
});

describe('drop-oldest', () => {
  const ref = channel('drop-oldest');

  it('[REC3] [REC6] drops the oldest, and says so in front of what is left', () => {
    const { outbox, last } = holding([p(ref, 4), p(ref, 5), p(ref, 6)], [p(ref, 7), p(ref, 8)]);
    expect(last).toMatchObject({ overflow: false, dropped: { 'drop-oldest': 2, conflate: 0, resync: 0 } });
    expect(heldUnits(outbox)).toBe(30);
    expect(released(outbox)).toEqual([
      '{"t":"gap","c":"drop-oldest","why":"dropped","o":5}',
      'p@6',
      'p@7',
      'p@8',
    ]);
  });

  it('one that alone is too much is dropped itself, and the gap stands in its place', () => {
    const large = channelFrame(ref, null, 2, 'x'.repeat(31));
    const { outbox } = holding([p(ref, 1), large, controlFrame('behind it')]);
    expect(heldUnits(outbox)).toBe('behind it'.length);
    expect(released(outbox)).toEqual(['{"t":"gap","c":"drop-oldest","why":"dropped","o":2}', 'behind it']);
    const { outbox: again } = holding([large], [controlFrame('between')], [p(ref, 3)]);
    expect(released(again)).toEqual([
      'between',
      '{"t":"gap","c":"drop-oldest","why":"dropped","o":2}',
      'p@3',
    ]);
  });

  it('a gap before what has no offset names the last publication before it, where there was one', () => {
    const { outbox } = holding([p(ref, 4), other(ref, 'm', 'join bob'), p(ref, 5), p(ref, 6)]);
    expect(released(outbox)).toEqual([
      '{"t":"gap","c":"drop-oldest","why":"dropped","o":4}',
      'join bob',
      'p@5',
      'p@6',
    ]);
    const members = [1, 2, 3, 4].map((n) => other(ref, `m${n}`, `join ${n}`));
    expect(released(holding(members).outbox)).toEqual([
      '{"t":"gap","c":"drop-oldest","why":"dropped"}',
      'join 2',
      'join 3',
      'join 4',
    ]);
  });
});

describe('conflate', () => {
  const ref = channel('conflate');

  it('[REC3] [REC6] [MAP2] keeps the latest of each key, with a gap wherever one before it is missing', () => {
    const { outbox, last } = holding(
      [p(ref, 1, 'a'), p(ref, 2, 'b'), p(ref, 3, 'a')],
      [p(ref, 4, 'c'), p(ref, 5, 'b')],
    );
    expect(last.dropped).toEqual({ 'drop-oldest': 0, conflate: 1, resync: 0 });
    expect(released(outbox)).toEqual([
      '{"t":"gap","c":"conflate","why":"conflated","o":2}',
      'a@3',
      'c@4',
      'b@5',
    ]);
    const { outbox: apart } = holding([p(ref, 1, 'a'), p(ref, 2, 'b'), p(ref, 3, 'b')]);
    expect(released(apart)).toEqual(['a@1', '{"t":"gap","c":"conflate","why":"conflated","o":2}', 'b@3']);
  });

  it('says nothing of a gap where nothing was folded', () => {
    expect(released(holding([p(ref, 1, 'a')], [p(ref, 2, 'b')]).outbox)).toEqual(['a@1', 'b@2']);
  });

  it('without a key the latest is all there is', () => {
    expect(released(holding([p(ref, 1), p(ref, 2)], [p(ref, 3)]).outbox)).toEqual([
      '{"t":"gap","c":"conflate","why":"conflated","o":2}',
      'p@3',
    ]);
  });

  it('keys of a map are apart from those of what has no offset', () => {
    const { outbox } = holding([p(ref, 1, 'bob'), other(ref, 'bob', 'join bob')]);
    expect(released(outbox)).toEqual(['bob@1', 'join bob']);
  });

  it('a map of which even the latest are too many is begun anew', () => {
    const { outbox, last } = holding([p(ref, 1, 'a'), p(ref, 2, 'b'), p(ref, 3, 'c')], [p(ref, 4, 'd')]);
    expect(last.resyncs).toEqual([ref]);
    expect(last.dropped).toEqual({ 'drop-oldest': 0, conflate: 4, resync: 0 });
    expect(released(outbox)).toEqual(['{"t":"gap","c":"conflate","why":"resync"}']);
  });

  it('of signals, which nobody can read again, the oldest are dropped', () => {
    const cursors = ['a', 'b', 'c', 'd', 'b'].map((key, i) => other(ref, key, `${key} ${i}`));
    const { outbox, last } = holding(cursors);
    expect(last).toMatchObject({ resyncs: null, dropped: { conflate: 2 } });
    expect(heldUnits(outbox)).toBe(30);
    expect(released(outbox)).toEqual(['{"t":"gap","c":"conflate","why":"dropped"}', 'c 2', 'd 3', 'b 4']);
    // What was dropped is not folded into again.
    const { outbox: again } = holding([...cursors, other(ref, 'a', 'a 5')]);
    expect(released(again)).toEqual(['{"t":"gap","c":"conflate","why":"dropped"}', 'd 3', 'b 4', 'a 5']);
  });
});

describe('resync', () => {
  const ref = channel('resync');

  it('keeps what fits in its order', () => {
    const { outbox, last } = holding([p(ref, 1), p(ref, 2)], [p(ref, 3)]);
    expect(last.resyncs).toBeNull();
    expect(released(outbox)).toEqual(['p@1', 'p@2', 'p@3']);
  });

  it('[REC6] beyond it drops everything, says so once, and holds nothing more of that turn', () => {
    const { outbox, last } = holding([p(ref, 1), p(ref, 2)], [p(ref, 3), p(ref, 4), p(ref, 5), p(ref, 6)]);
    expect(last).toMatchObject({ overflow: false, resyncs: [ref], dropped: { resync: 6 } });
    expect(heldUnits(outbox)).toBe(0);
    expect(released(outbox)).toEqual(['{"t":"gap","c":"resync","why":"resync"}']);
  });

  it('what is sent once it was begun anew follows the gap', () => {
    const { outbox } = holding([1, 2, 3, 4].map((offset) => p(ref, offset)));
    expect(holdMore(outbox, controlFrame('ok'), p(ref, 5)).resyncs).toBeNull();
    expect(released(outbox)).toEqual(['{"t":"gap","c":"resync","why":"resync"}', 'ok', 'p@5']);
  });
});

describe('the order of what is held', () => {
  const a = channel('drop-oldest', 'a');
  const b = channel('conflate', 'b');

  it('answers and publications keep theirs; friends and the heartbeat come last', () => {
    const { outbox } = holding(
      [controlFrame('ok'), controlFrame('ps'), p(a, 1), presenceFrame('bob', 1, 'x'), heartbeatFrame('x')],
      [p(b, 1, 'k'), controlFrame('unsub a'), p(b, 2, 'l')],
    );
    expect(released(outbox)).toEqual(['ok', 'ps', 'p@1', 'k@1', 'unsub a', 'l@2', 'friend bob', 'hb']);
  });

  it('each channel has its own bound, and its policy touches no other', () => {
    const frames = [1, 2, 3, 4].flatMap((offset) => [
      p(a, offset),
      p(b, offset, 'k'),
      controlFrame(`c${offset}`),
    ]);
    expect(released(holding(frames).outbox)).toEqual([
      'c1',
      '{"t":"gap","c":"a","why":"dropped","o":1}',
      'p@2',
      'c2',
      'p@3',
      'c3',
      'p@4',
      '{"t":"gap","c":"b","why":"conflated","o":3}',
      'k@4',
      'c4',
    ]);
  });

  it('channels and answers together have one bound, reached but not passed', () => {
    const wide: ChannelRef = { name: 'wide', slow: 'drop-oldest', heldUnits: 10_000 };
    const { outbox, last } = holding([
      controlFrame('x'.repeat(600)),
      channelFrame(wide, null, 1, 'x'.repeat(400)),
    ]);
    expect(last.overflow).toBe(false);
    expect(heldUnits(outbox)).toBe(1_000);
    expect(holdMore(outbox, channelFrame(wide, null, 2, 'x')).overflow).toBe(true);
  });
});

describe('dropping what is held of a channel', () => {
  const a = channel('drop-oldest', 'a');
  const b = channel('resync', 'b');

  it('takes its frames and gaps, this turn’s too, and leaves the others', () => {
    const { outbox } = holding([p(a, 1), p(b, 1), controlFrame('ok'), p(a, 2), p(a, 3), p(a, 4)]);
    outbox.current = [p(a, 5), p(b, 2), controlFrame('later')].reduce(
      (run, frame) => run.append(frame),
      RunNode.root(),
    );
    dropHeld(outbox, a);
    expect(heldUnits(outbox)).toBe(12);
    hold(outbox, LIMITS);
    expect(released(outbox)).toEqual(['p@1', 'ok', 'p@2', 'later']);
  });

  it('leaves no gap behind, and what is sent then begins anew', () => {
    const { outbox } = holding([1, 2, 3, 4].map((offset) => p(b, offset)));
    dropHeld(outbox, b);
    holdMore(outbox, controlFrame('ok'), controlFrame('ps'), p(b, 9));
    expect(released(outbox)).toEqual(['ok', 'ps', 'p@9']);
  });

  it('is nothing where nothing is held; a run of others stays the very run', () => {
    const outbox = emptyOutbox();
    dropHeld(outbox, a);
    expect(outbox).toEqual({ current: null, held: null });
    const run = RunNode.root().append(controlFrame('ok'));
    outbox.current = run;
    dropHeld(outbox, a);
    expect(outbox.current).toBe(run);
    outbox.current = RunNode.root().append(p(a, 1));
    dropHeld(outbox, a);
    expect(outbox.current).toBeNull();
  });
});
