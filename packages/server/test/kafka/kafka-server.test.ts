import { it } from 'vitest';
import { onRealKafka } from '../servers/kafka-cluster.ts';
import { runFeed } from './feed-run.ts';

/** A node that is killed is missed after ten seconds, and a rebalance of the mock cluster takes nearly as long again. */
const PATIENCE_MS = 120_000;

if (!onRealKafka)
  it(
    '5,000 events with poison and repetitions, a node killed and a broker restarted: each applied once, in order, on its own user',
    () => runFeed({ events: 5_000, users: 40, partitions: 6 }),
    PATIENCE_MS,
  );
