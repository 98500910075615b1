import { clusterSeedsHold } from './cluster-hold.ts';

clusterSeedsHold(1, 120);
