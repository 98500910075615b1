import { seedsHold } from './hold.ts';

seedsHold(751, 3_000);
