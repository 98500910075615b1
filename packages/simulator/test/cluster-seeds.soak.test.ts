import { clusterSeedsHold } from './cluster-hold.ts';

clusterSeedsHold(121, 3_000);
