import type { Cores } from './processes/cores.ts';
import type { Programs } from './processes/native.ts';

/** What every scenario needs. */
export type Bench = {
  /** Emptied when the bench ends. */
  readonly folder: string;
  readonly programs: Programs;
  readonly cores: Cores;
  /** Tells whoever waits what is going on. */
  say(line: string): void;
};
