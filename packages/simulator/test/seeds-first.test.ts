import { seedsHold } from './hold.ts';

// Half of the seeds: the two files run in two processes.
seedsHold(1, 500);
