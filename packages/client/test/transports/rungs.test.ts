import { describe, expect, it } from 'vitest';
import { createIdleLife } from '../../src/transports/idle-life.ts';
import { createRungs } from '../../src/transports/rungs.ts';

const UNHEARD = { worked: false, livedMs: 0, idleMs: 0 };
const CUT = { worked: true, livedMs: 5_000, idleMs: 0 };
const LONG = { worked: true, livedMs: 100_000, idleMs: 0 };

describe('which way is used', () => {
  it('the next at once, where no login came through; after the last the first, and a pause', () => {
    const rungs = createRungs(3, 0);
    expect([rungs.lost(0, UNHEARD), rungs.at]).toEqual(['next', 1]);
    expect([rungs.lost(1, UNHEARD), rungs.at]).toEqual(['next', 2]);
    expect([rungs.lost(2, UNHEARD), rungs.at]).toEqual(['same', 0]);
  });

  it('one that worked on this network is doubted at the third attempt in a row', () => {
    const rungs = createRungs(3, 0);
    rungs.worked(0);
    expect([rungs.lost(0, UNHEARD), rungs.lost(0, UNHEARD), rungs.at]).toEqual(['same', 'same', 0]);
    rungs.worked(0);
    expect([rungs.lost(0, UNHEARD), rungs.lost(0, UNHEARD), rungs.at]).toEqual(['same', 'same', 0]);
    expect([rungs.lost(0, UNHEARD), rungs.at]).toEqual(['next', 1]);
    rungs.forget();
    expect([rungs.lost(0, UNHEARD), rungs.at]).toEqual(['next', 1]);
  });

  it('three cuts within a minute in a row are too many; a line that lived long counts them anew', () => {
    const rungs = createRungs(3, 0);
    rungs.worked(0);
    rungs.lost(0, CUT);
    rungs.lost(0, CUT);
    rungs.lost(0, LONG);
    rungs.lost(0, CUT);
    expect([rungs.lost(0, CUT), rungs.at]).toEqual(['same', 0]);
    expect([rungs.lost(0, CUT), rungs.at]).toEqual(['next', 1]);
  });

  it('one that was climbed to and does not last is left for the one before', () => {
    const rungs = createRungs(3, 2);
    rungs.climbed(0);
    expect([rungs.lost(0, CUT), rungs.at]).toEqual(['slipped', 2]);
    rungs.climbed(0);
    expect([rungs.lost(0, LONG), rungs.at]).toEqual(['same', 0]);
  });
});

describe('how long an idle line lives', () => {
  it('two like silences tell, others do not, and the line is used well before', () => {
    const idle = createIdleLife();
    expect([idle.lost(10_000), idle.lost(25_000), idle.lost(100), idle.everyMs]).toEqual([
      false,
      false,
      false,
      null,
    ]);
    expect([idle.lost(10_500), idle.lost(10_000), idle.everyMs]).toEqual([false, true, 6_000]);
  });

  it('never more often than every 2 s, and what does not help not more often still', () => {
    const idle = createIdleLife();
    idle.lost(2_100);
    expect([idle.lost(2_100), idle.everyMs]).toEqual([true, 2_000]);
    expect([idle.lost(2_100), idle.lost(2_100), idle.everyMs]).toEqual([false, false, 2_000]);
    expect([idle.lost(1_900), idle.lost(1_900)]).toEqual([false, false]);
    idle.forget();
    expect(idle.everyMs).toBeNull();
  });

  it('silences of more than 45 s are none of a proxy', () => {
    const idle = createIdleLife();
    expect([idle.lost(45_001), idle.lost(45_001)]).toEqual([false, false]);
    expect([idle.lost(45_000), idle.lost(45_000)]).toEqual([true, false]);
  });
});
