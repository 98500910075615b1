import { seedsHold } from './hold.ts';

seedsHold(401, 3_000);
