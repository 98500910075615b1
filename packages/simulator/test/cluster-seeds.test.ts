import { brokenSeedsHold, clusterSeedsHold } from './cluster-hold.ts';

clusterSeedsHold(1, 80);
brokenSeedsHold({
  153: 'a node that died keeps its grace where the store comes back with an older lease of it',
  161: 'a session that the store lost between its resume and its device does not begin that device anew, while another device of theirs hides its user',
  241: 'whoever subscribes to a map in an epoch that their node did not know yet is sent what comes',
  306: "what was said to a node that died, shortly before the store forgot it, is nobody's promise",
  330: 'a login that overtakes that of a page which came after it takes the session from it',
  339: 'whoever comes while nobody is there to put back what the store forgot is told what it has',
  396: 'a connection whose session went on elsewhere ends, also where the message that says so is lost',
  423: 'a session whose home died as the store forgot it goes on with the grace that it had at the one before',
  471: 'a session that ended elsewhere does not come back with a node that was cut off while the store was started again',
});
