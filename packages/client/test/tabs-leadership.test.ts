import { expect, it } from 'vitest';
import { hostPlatform } from '../src/platform.ts';
import { joinTabs } from '../src/tabs/leadership.ts';

type Asked = {
  readonly steal: boolean;
  readonly aborted: () => boolean;
  readonly held: () => Promise<void>;
  readonly reject: (error: Error) => void;
};

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

type Query = () => Promise<{
  readonly held: readonly { readonly name: string; readonly clientId: string }[];
}>;

/** A tab whose locks and timers do what the test says. */
function scene(query: Query) {
  const asked: Asked[] = [];
  const told: string[] = [];
  const reported: unknown[] = [];
  const timers: { readonly delayMs: number; readonly fire: () => void }[] = [];
  const leadership = joinTabs({
    platform: {
      ...hostPlatform(),
      nowMs: () => 0,
      random: () => 0.5,
      page: null,
      report: (error) => reported.push(error),
      setTimer(delayMs, fire) {
        timers.push({ delayMs, fire });
        return () => {};
      },
    },
    locks: {
      request: (name, { signal, steal }, held) =>
        new Promise((resolve, reject) => {
          if (name === 'own') return void held();
          const run = (): Promise<void> => {
            const over = held();
            void over.then(() => resolve(undefined));
            return over;
          };
          asked.push({ steal: steal === true, aborted: () => signal?.aborted === true, held: run, reject });
        }),
      query,
    },
    name: 'lock',
    ownName: 'own',
    ping: () => told.push('ping'),
    onReady: () => told.push('ready'),
    onLead: (term) => told.push(`leads ${term}`),
    onLost: () => told.push('lost'),
    onLeader: () => told.push('follows'),
  });
  /** Nobody answers. */
  const silence = (): void => timers.findLast(({ delayMs }) => delayMs === 650)!.fire();
  return { leadership, asked, told, reported, silence };
}

it('a wait for the lock that was called off as it was granted leads nowhere, and the theft of what is led is told', async () => {
  // Of a page that was frozen: by the time it asks, another has stolen the lock, and it has not been told of it.
  const { leadership, asked, told, silence } = scene(async () => ({
    held: [
      { name: 'lock', clientId: 'other' },
      { name: 'own', clientId: 'me' },
    ],
  }));
  expect(told).toEqual(['ready', 'ping']);
  silence();
  const [waited, stolen] = asked;
  expect([waited!.aborted(), stolen!.steal]).toEqual([true, true]);
  await waited!.held();
  void stolen!.held();
  await turn();
  expect(told.slice(2)).toEqual(['leads me/0.5']);
  stolen!.reject(new DOMException('stolen', 'AbortError'));
  await turn();
  expect(told.slice(3)).toEqual(['lost', 'ping']);
  leadership.leave();
});

it('a browser that does not say who holds the lock costs one attempt to lead, and not all', async () => {
  let refusals = 1;
  const { leadership, asked, told, reported, silence } = scene(async () => {
    if (refusals-- > 0) throw new DOMException('not now', 'InvalidStateError');
    return { held: [{ name: 'own', clientId: 'me' }] };
  });
  const [first] = asked;
  const over = first!.held();
  await turn();
  await over;
  expect(reported, 'and the lock is free for the others').toHaveLength(1);
  expect(told).toEqual(['ready', 'ping', 'ping']);
  silence();
  void asked[1]!.held();
  await turn();
  expect(told.slice(3)).toEqual(['leads me/0.5']);
  leadership.leave();
});
