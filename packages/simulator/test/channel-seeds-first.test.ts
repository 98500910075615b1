import { channelSeedsHold } from './channels-hold.ts';

// Half of the seeds: the two files run in two processes.
channelSeedsHold(1, 500);
