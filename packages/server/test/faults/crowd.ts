import { expect } from 'vitest';
import type { BareClient, Wire } from '../wire/scene/bare-client.ts';
import { createFriendView, type FriendView } from '../wire/scene/friend-view.ts';
import { loginToken } from '../wire/scene/login-token.ts';
import type { Scene } from '../wire/scene/scene.ts';

/** One of many clients, and what it knows. */
export type Member = {
  readonly user: string;
  readonly follows: readonly string[];
  readonly view: FriendView;
  client: BareClient;
  /** Changes sent, and the newest that was acknowledged; each has its number as the activity. */
  sent: number;
  acknowledged: number;
};

/** Clients that follow each other, so that whatever one is told wrongly shows at another. */
export type Crowd = {
  readonly members: readonly Member[];
  /** Everyone sends changes, the next one as soon as the last was acknowledged, until the connection ends. */
  keepChanging(): void;
  /** Resolves when this many changes were acknowledged in all. */
  acknowledged(count: number): Promise<void>;
  stopChanging(): void;
  /** Changes that were sent and not acknowledged. */
  inFlight(): number;
  /** Resolves when everyone's connection has ended. */
  gone(): Promise<void>;
  /** Everyone, or these, log in again and resume; fails where one is not resumed. */
  resume(members?: readonly Member[]): Promise<void>;
  /** Waits until everyone has read what there was for them. */
  settle(members?: readonly Member[]): Promise<void>;
  /**
   * Fails unless each view holds the right friends, all viewers agree with the server, and no friend's state is older
   * than what they were told was kept.
   */
  verifyViews(members?: readonly Member[]): Promise<void>;
};

/** Logins at the same time. */
const LOGINS_AT_ONCE = 16;

const STATUSES = ['Online', 'Busy', 'Away'] as const;

export async function gatherCrowd(
  scene: Scene,
  { size, followsEach }: { readonly size: number; readonly followsEach: number },
): Promise<Crowd> {
  const users = Array.from({ length: size }, (_, i) => `member${i}`);
  const followsOf = (i: number): string[] =>
    Array.from({ length: followsEach }, (_, k) => users[(i + 1 + k * 3) % size]!).filter(
      (user) => user !== users[i],
    );
  const tokens = new Map(
    await Promise.all(users.map(async (user) => [user, await loginToken(user)] as const)),
  );
  await scene.follow(...users.flatMap((user, i) => followsOf(i).map((other) => [user, other] as const)));

  const members: Member[] = [];
  let changing = false;
  let total = 0;
  let enough: { readonly count: number; readonly resolve: () => void } | null = null;

  function listen(member: Member): void {
    member.client.onMessage = (message: Wire) => {
      member.view.read(message);
      if (message.t !== 'ok') return;
      member.acknowledged = message['i'] as number;
      total++;
      if (enough !== null && total >= enough.count) enough.resolve();
      if (changing && member.client.closedWith === null) change(member);
    };
  }

  function change(member: Member): void {
    const i = ++member.sent;
    member.client.send({ t: 'statusUpdate', s: STATUSES[i % 3]!, a: `${i}`, i });
  }

  async function logIn(member: Member, extra: object): Promise<Wire> {
    const client = await scene.connect();
    member.client = client;
    listen(member);
    const synced = client.waitFor(`the login of ${member.user}`, ({ t }) => t === 'sync');
    client.send({ t: 'login', username: member.user, token: tokens.get(member.user), ...extra });
    await synced;
    return client.received.find(({ t }) => t === 'token')!;
  }

  async function some<T>(
    items: readonly T[],
    work: (item: T, index: number) => Promise<void>,
  ): Promise<void> {
    const waiting = [...items.entries()];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        await work(next[1], next[0]);
    };
    await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, worker));
  }

  await some(users, async (user, i) => {
    const member: Member = {
      user,
      follows: followsOf(i),
      view: createFriendView(),
      client: undefined as never,
      sent: 0,
      acknowledged: 0,
    };
    members[i] = member;
    await logIn(member, {});
  });

  const crowd: Crowd = {
    members,
    keepChanging() {
      changing = true;
      for (const member of members) change(member);
    },
    stopChanging() {
      changing = false;
    },
    acknowledged(count) {
      return new Promise((resolve) => {
        enough = { count: total + count, resolve };
      });
    },
    inFlight: () => members.reduce((sum, { sent, acknowledged }) => sum + sent - acknowledged, 0),
    async gone() {
      changing = false;
      await Promise.all(members.map(({ client }) => client.closed));
    },
    resume: (which = members) =>
      some(which, async (member) => {
        const { resumeToken: resume, at } = member.client;
        const token = await logIn(member, { resume, at, v: 1 });
        expect(
          token['resumed'],
          `${member.user} resumed: ${JSON.stringify(member.client.received.slice(0, 2))}`,
        ).toBe(true);
      }),
    async settle(which = members) {
      for (const { client } of which) await client.settle();
    },
    async verifyViews(which = members) {
      const truth = new Map<string, unknown>();
      for (const { user, sent, acknowledged } of members) {
        const { body } = await scene.server.api('GET', `/v1/users/${user}/presence`);
        const { s, a } = body as { s: string; a?: string };
        truth.set(user, s === 'Offline' ? { s } : { s, a });
        if (s === 'Offline') continue;
        // Zero: nobody has heard of a change of theirs, and none is shown.
        expect(
          Number(a ?? 0),
          `${user} was told that change ${acknowledged} of ${sent} is kept`,
        ).toBeGreaterThanOrEqual(acknowledged);
        expect(Number(a ?? 0)).toBeLessThanOrEqual(sent);
      }
      for (const { user, follows, view } of which) {
        const expected = Object.fromEntries(follows.map((other) => [other, truth.get(other)]));
        expect(Object.fromEntries(view.friends), `what ${user} sees`).toEqual(expected);
      }
    },
  };
  return crowd;
}
