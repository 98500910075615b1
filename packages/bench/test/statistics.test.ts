import { describe, expect, it } from 'vitest';
import { median, medianRatio } from '../src/statistics.ts';

describe('medians', () => {
  it('take the middle, or the mean of the two in the middle, and leave the list as it was', () => {
    const values = [9, 1, 5];
    expect(median(values)).toBe(5);
    expect(values).toEqual([9, 1, 5]);
    expect(median([4, 1, 2, 100])).toBe(3);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  it('compare numbers, not texts', () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it('of ratios are taken pair by pair: a slow machine slows both of a pair', () => {
    // The machine was three times slower in the second round; the medians alone would give 3 / 2.
    expect(medianRatio([1, 9, 3], [2, 18, 2])).toBe(0.5);
  });

  it('of pairs need pairs', () => {
    expect(() => medianRatio([1], [1, 2])).toThrow(RangeError);
  });
});
