import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlFrame, heartbeatFrame, presenceFrame } from '../../src/core/outbox/frame.ts';
import { type Renderer, emptyOutbox, hold, holdResync, release } from '../../src/core/outbox/outbox.ts';
import { RunNode } from '../../src/core/outbox/run-trie.ts';

const LIMITS = { heldControlUnits: 100, heldFriends: 3 };
const render: Renderer = {
  friend: (subject, change) => ({ text: `${subject}:${change}`, wire: undefined, others: undefined }),
  fullSync: () => ({ text: 'full sync', wire: undefined, others: undefined }),
  heartbeat: () => ({ text: 'hb', wire: undefined, others: undefined }),
  gap: (channel, why, offset) => ({
    text: `gap ${channel.name} ${why} ${offset}`,
    wire: undefined,
    others: undefined,
  }),
};

describe('runs of frames', () => {
  it('connections that are owed the same frames in the same order share one run', () => {
    const frames = ['a', 'b', 'c'].map(controlFrame);
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat({ max: 2 }), { maxLength: 6 }), { maxLength: 8 }), (owed) => {
        const root = RunNode.root();
        const runs = owed.map((list) => list.reduce((run, n) => run.append(frames[n]!), root));
        runs.forEach((run, i) => {
          expect(run.frames().map((frame) => frame.text)).toEqual(owed[i]!.map((n) => frames[n]!.text));
          expect(run.length).toBe(owed[i]!.length);
          runs.forEach((other, j) => {
            expect(run === other).toBe(JSON.stringify(owed[i]) === JSON.stringify(owed[j]));
          });
        });
      }),
    );
  });

  it('frames are told apart by identity, not by content', () => {
    const root = RunNode.root();
    expect(root.append(controlFrame('same'))).not.toBe(root.append(controlFrame('same')));
  });
});

describe('an outbox behind an unfinished write', () => {
  it('[PRE9] folds presence into one entry a friend, keeps control frames in order, one heartbeat last', () => {
    const outbox = emptyOutbox();
    const turns = [
      [presenceFrame('bob', 1, 'x'), controlFrame('first')],
      [presenceFrame('eve', 2, 'x'), heartbeatFrame('old'), presenceFrame('bob', 4, 'x')],
      [controlFrame('second'), heartbeatFrame('new')],
    ];
    for (const turn of turns) {
      outbox.current = turn.reduce((run, frame) => run.append(frame), RunNode.root());
      expect(hold(outbox, LIMITS).overflow).toBe(false);
      expect(outbox.current).toBeNull();
    }
    expect(release(outbox, render).map((frame) => frame.text)).toEqual([
      'first',
      'second',
      'bob:5',
      'eve:2',
      'hb',
    ]);
    expect(outbox.held).toBeNull();
    expect(release(outbox, render)).toEqual([]);
  });

  it('[PRE9] at the bound friends are held one by one, beyond it the viewer gets one full sync', () => {
    const outbox = emptyOutbox();
    const owe = (subject: string): { resynced: boolean } => {
      outbox.current = RunNode.root().append(presenceFrame(subject, 1, 'x'));
      return hold(outbox, LIMITS);
    };
    expect(['a', 'b', 'c'].map((subject) => owe(subject).resynced)).toEqual([false, false, false]);
    expect(owe('d').resynced).toBe(true);
    expect(owe('e').resynced).toBe(false);
    expect(release(outbox, render).map((frame) => frame.text)).toEqual(['full sync']);
  });

  it('control frames beyond their bound overflow, and not before', () => {
    const outbox = emptyOutbox();
    outbox.current = RunNode.root().append(controlFrame('x'.repeat(100)));
    expect(hold(outbox, LIMITS).overflow).toBe(false);
    outbox.current = RunNode.root().append(controlFrame('x'));
    expect(hold(outbox, LIMITS).overflow).toBe(true);
  });

  it('a full sync that is owed takes the place of what was held about friends', () => {
    const outbox = emptyOutbox();
    outbox.current = RunNode.root()
      .append(presenceFrame('bob', 1, 'x'))
      .append(controlFrame('kept'));
    hold(outbox, LIMITS);
    holdResync(outbox);
    expect(release(outbox, render).map((frame) => frame.text)).toEqual(['kept', 'full sync']);
  });

  it('a friend about whom nothing may be seen any more is left out', () => {
    const outbox = emptyOutbox();
    outbox.current = RunNode.root().append(presenceFrame('bob', 1, 'x'));
    hold(outbox, LIMITS);
    expect(release(outbox, { ...render, friend: () => null })).toEqual([]);
  });
});
