import { clusterSeedsHold } from './cluster-hold.ts';

clusterSeedsHold(81, 3_000);
