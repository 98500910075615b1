import { expect, it } from 'vitest';
import { limitsSchema, toLaneLimits } from '../../src/config/limit-settings.ts';

it('[PUB7] lanes are kept for the days that are set, 30 unless they are, and 1 to 365', () => {
  expect(toLaneLimits(limitsSchema.parse({}))).toEqual({
    laneMs: 2_592_000_000,
    lanesPerUser: 1_000,
    lanes: 1_000_000,
  });
  expect(toLaneLimits(limitsSchema.parse({ laneDays: 1, lanesPerUser: 2, lanes: 3 }))).toEqual({
    laneMs: 86_400_000,
    lanesPerUser: 2,
    lanes: 3,
  });
  for (const laneDays of [0, 366, 1.5]) expect(limitsSchema.safeParse({ laneDays }).success).toBe(false);
  for (const lanes of [0, 100_000_001]) expect(limitsSchema.safeParse({ lanes }).success).toBe(false);
  for (const lanesPerUser of [0, 100_001])
    expect(limitsSchema.safeParse({ lanesPerUser }).success).toBe(false);
});
