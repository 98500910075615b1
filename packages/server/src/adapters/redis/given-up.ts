import type { Holders } from './holders.ts';
import type { HeldUser } from './held-user.ts';

/** Doubts looked into at a time. */
const AT_ONCE = 100;

/**
 * Commands that were given up without an answer, and may have been carried out all the same. What they would leave behind
 * nobody knows of, so it is looked for once the line stands again, and once more: a server that hung may carry them out late.
 */
export type GivenUp = {
  /** @param look takes back what it finds; true: there is nothing more to look for */
  add(held: HeldUser, look: () => Promise<boolean>): void;
  /** Looks into all of them. Rejects where the store does not answer; what is left is looked into the next time. */
  lookAgain(): Promise<void>;
  readonly size: number;
};

type Doubt = { readonly held: HeldUser; readonly look: () => Promise<boolean> };

export function createGivenUp(holders: Holders): GivenUp {
  const doubts = new Set<Doubt>();
  return {
    add({ user }, look) {
      // The node stays noted as one that may hold something of the user.
      doubts.add({ held: holders.enter(user), look });
    },
    async lookAgain() {
      const due = [...doubts];
      for (let from = 0; from < due.length; from += AT_ONCE) {
        await Promise.all(
          due.slice(from, from + AT_ONCE).map(async (doubt) => {
            if (!(await doubt.look()) || !doubts.delete(doubt)) return;
            holders.exit(doubt.held);
          }),
        );
      }
    },
    get size() {
      return doubts.size;
    },
  };
}
