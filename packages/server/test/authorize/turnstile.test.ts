import { expect, it } from 'vitest';
import { createTurnstile, type Place } from '../../src/auth/authorize/turnstile.ts';

it('a turnstile lets in those who waited longest, whoever leaves and in whichever order', () => {
  const turnstile = createTurnstile(2, 3);
  const started: number[] = [];
  const places = [0, 1, 2, 3, 4, 5].map((i) => turnstile.enter(() => void started.push(i)));
  expect(started).toEqual([0, 1]);
  expect(places[5]).toBeNull();
  expect(turnstile.counts()).toEqual({ running: 2, waiting: 3 });
  places[3]!.leave();
  places[1]!.leave();
  places[1]!.leave();
  expect(started).toEqual([0, 1, 2]);
  places[0]!.leave();
  expect(started).toEqual([0, 1, 2, 4]);
  places[2]!.leave();
  places[4]!.leave();
  expect(turnstile.counts()).toEqual({ running: 0, waiting: 0 });
});

it('a hundred thousand who give up as soon as they are let in do not overflow the stack', () => {
  const turnstile = createTurnstile(1, 100_000);
  let gaveUp = 0;
  const first = turnstile.enter(() => undefined);
  for (let i = 0; i < 100_000; i++)
    turnstile.enter((place: Place) => {
      gaveUp++;
      place.leave();
    });
  first?.leave();
  expect(gaveUp).toBe(100_000);
  expect(turnstile.counts()).toEqual({ running: 0, waiting: 0 });
});
