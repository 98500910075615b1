/** A whole Carillon, simulated: the real node, the real client core, and everything around them going wrong. */
export { type RunOptions, type RunResult, EVENTS_PER_RUN, runSeed } from './run.ts';
export { shrink } from './shrink.ts';
export type { Invariant, Violation } from './violations.ts';
