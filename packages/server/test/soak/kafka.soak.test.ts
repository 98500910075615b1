import { it } from 'vitest';
import { runFeed } from '../kafka/feed-run.ts';

it('100,000 events of which 1% are poison and 5% come twice: each applied once, in order, on its own user', () =>
  runFeed({ events: 100_000, users: 1_000, partitions: 12 }));
