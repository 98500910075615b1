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

it('a wait for the lock that was called off as it was granted leads nowhere, and the theft of what is led is told', async () => {
  const asked: Asked[] = [];
  const told: string[] = [];
  const timers: { readonly delayMs: number; readonly fire: () => void }[] = [];
  const leadership = joinTabs({
    platform: {
      ...hostPlatform(),
      nowMs: () => 0,
      page: null,
      setTimer(delayMs, fire) {
        timers.push({ delayMs, fire });
        return () => {};
      },
    },
    locks: {
      request: (name, { signal, steal }, held) =>
        new Promise((_, reject) => {
          if (name === 'own') return void held();
          asked.push({ steal: steal === true, aborted: () => signal?.aborted === true, held, reject });
        }),
      query: async () => ({ held: [{ name: 'lock', clientId: 'me' }] }),
    },
    name: 'lock',
    ownName: 'own',
    post: ({ k }) => told.push(k),
    onReady: () => told.push('ready'),
    onLead: (term) => told.push(`leads ${term}`),
    onLost: () => told.push('lost'),
    onLeader: () => told.push('follows'),
  });
  expect(told).toEqual(['ready', 'ping']);
  // Nobody answers.
  timers.find(({ delayMs }) => delayMs === 650)!.fire();
  const [waited, stolen] = asked;
  expect([waited!.aborted(), stolen!.steal]).toEqual([true, true]);
  await waited!.held();
  void stolen!.held();
  await turn();
  expect(told.slice(2)).toEqual(['leads me/1', 'lead']);
  stolen!.reject(new DOMException('stolen', 'AbortError'));
  await turn();
  expect(told.slice(4)).toEqual(['lost', 'ping']);
  leadership.leave();
});
