import { seedsHold } from './hold.ts';

seedsHold(501, 750);
