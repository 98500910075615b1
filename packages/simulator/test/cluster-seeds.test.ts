import { brokenSeedsHold, clusterSeedsHold } from './cluster-hold.ts';

clusterSeedsHold(1, 120);
brokenSeedsHold({
  153: 'a node that died keeps its grace where the store comes back with an older lease of it',
});
