import type { Clock, Timer } from '../../ports/clock.ts';
import type { DeviceTuple, StateTuple } from './device-text.ts';
import type { HeldUser } from './held-user.ts';
import type { Holders } from './holders.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './redis-link.ts';
import { sessionTuple } from './session-text.ts';
import { type UserScripts, loadUserScript } from './user-scripts.ts';

const RESTORE = loadUserScript('presence-restore');
const SETTLE = loadUserScript('presence-settle');

/** Users put back, or compared, at a time: others are let in between. */
const USERS_AT_ONCE = 500;

/** What nobody compared is shown again by itself after so many times the wait for the others. */
const HELD_BACK_TIMES = 3;

/** After a refusal comparing is tried again, ms. */
const RETRY_MS = 1_000;

export type RebuildOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly scripts: UserScripts;
  readonly holders: Holders;
  readonly clock: Clock;
  /** Within which every other node renews, and so puts back what it holds, ms. */
  readonly settleMs: number;
};

/** Puts what this node holds back into a store that came back empty, or older. */
export type Rebuild = {
  /** Everything. Nothing is published. */
  all(): Promise<void>;
  /** Of some users. */
  some(users: readonly string[]): Promise<void>;
  /** How many users are yet to be compared. */
  readonly unsettled: number;
  stop(): void;
};

export function createRebuild(options: RebuildOptions): Rebuild {
  const { link, keys, scripts, holders, clock, settleMs } = options;
  const index = keys.node(holders.node, 'holders');
  const unsettled = new Set<string>();
  let timer: Timer | null = null;
  let stopped = false;

  async function restore(user: string): Promise<void> {
    const held = holders.get(user);
    const [lost] = await scripts.run(RESTORE, user, [
      holders.node,
      String(HELD_BACK_TIMES * settleMs),
      held === undefined ? '{"sessions":{},"devices":{}}' : contentsOf(held, holders),
      held?.record ?? '',
      // While a call is under way the store may know more of the user than this node does.
      held === undefined || held.calls === 0 ? '1' : '0',
    ]);
    if (lost === 1) unsettled.add(user);
  }

  async function putBack(users: readonly string[]): Promise<void> {
    for (let from = 0; from < users.length; from += USERS_AT_ONCE) {
      const some = users.slice(from, from + USERS_AT_ONCE);
      await holders.note(some.filter((user) => holders.get(user) !== undefined));
      await Promise.all(some.map(restore));
    }
    arm(settleMs);
  }

  /** Users that the store lists for this node, and of whom it holds nothing any more: the store is older. */
  async function dropForgotten(): Promise<void> {
    let cursor = '0';
    do {
      const reply = await link.command(index, 'SSCAN', index, cursor, 'COUNT', String(USERS_AT_ONCE));
      const [next, members] = reply as readonly [string, readonly string[]];
      cursor = next;
      const gone = members.filter((user) => holders.get(user) === undefined);
      await Promise.all(gone.map(restore));
      const still = gone.filter((user) => holders.get(user) === undefined);
      if (still.length > 0) await link.command(index, 'SREM', index, ...still);
    } while (cursor !== '0');
    arm(settleMs);
  }

  function arm(delayMs: number): void {
    if (timer !== null || stopped || unsettled.size === 0) return;
    timer = clock.setTimer(delayMs, () => {
      timer = null;
      settle().catch(() => arm(RETRY_MS));
    });
  }

  async function settle(): Promise<void> {
    const due = [...unsettled];
    for (let from = 0; from < due.length; from += USERS_AT_ONCE) {
      await Promise.all(
        due.slice(from, from + USERS_AT_ONCE).map(async (user) => {
          const [shown] = await scripts.run(SETTLE, user, []);
          unsettled.delete(user);
          scripts.shown(shown, holders.get(user));
        }),
      );
    }
    arm(settleMs);
  }

  return {
    async all() {
      await putBack([...holders.all()].map(({ user }) => user));
      await dropForgotten();
    },
    some: putBack,
    get unsettled() {
      return unsettled.size;
    },
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
    },
  };
}

/** What a node holds of a user, as the hashes have it. */
function contentsOf({ sessions: all, devices }: HeldUser, { node, lives }: Holders): string {
  // Whoever asked for its end asked this node: what may be over is not begun again.
  const sessions = all.filter(({ id, generation }) => lives(id, generation));
  const tuples: [string, DeviceTuple][] = [];
  for (const { name, state, sessions: holding, leaseUntilMs } of devices) {
    // What it says was never answered: so nobody was told that it says anything.
    if (state === null) continue;
    const holders = holding.map(({ session, generation }) => [session, [generation, 0]] as const);
    const lease = leaseUntilMs === null ? null : ([node, leaseUntilMs, 0] as const);
    tuples.push([name, [...(JSON.parse(state) as StateTuple), Object.fromEntries(holders), lease]]);
  }
  return JSON.stringify({
    sessions: Object.fromEntries(sessions.map((session) => [session.id, sessionTuple(session)])),
    devices: Object.fromEntries(tuples),
  });
}
