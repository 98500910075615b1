import { describe, expect, it } from 'vitest';
import { CarillonError } from '../src/carillon-error.ts';
import { MOST_WAITERS, createStatusTickets } from '../src/status-tickets.ts';

describe('the promises of setStatus', () => {
  it('are settled up to the ticket that is named, once', async () => {
    const tickets = createStatusTickets();
    const first = tickets.take(false);
    const second = tickets.take(false);
    tickets.settle(first.ticket, null, '');
    tickets.settle(second.ticket, 'bad_message', 'a: too long');
    await expect(first.settled).resolves.toBeUndefined();
    const error: unknown = await second.settled.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CarillonError);
    expect(error).toMatchObject({ code: 'bad_message', message: 'bad_message: a: too long' });
  });

  it('need not be waited for: a refusal that nobody awaits is no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const tickets = createStatusTickets();
    tickets.settle(tickets.take(false).ticket, 'bad_message', '');
    // Node looks for unhandled rejections once the microtasks of a turn are done.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('are no more than a hundred: further calls share the last', () => {
    const tickets = createStatusTickets();
    const promises = new Set<Promise<void>>();
    for (let i = 0; i < 1000; i++) promises.add(tickets.take(false).settled);
    expect(promises.size).toBe(MOST_WAITERS);
  });

  it('are one promise for all calls while nothing can be sent', async () => {
    const tickets = createStatusTickets();
    const first = tickets.take(true);
    const settled = first.settled;
    let last = first.ticket;
    for (let i = 0; i < 1000; i++) {
      const next = tickets.take(true);
      expect(next.settled).toBe(settled);
      last = next.ticket;
    }
    expect(last).toBe(1001);
    let done = false;
    void settled.then(() => (done = true));
    tickets.settle(1000, null, '');
    await Promise.resolve();
    expect(done).toBe(false);
    tickets.settle(1001, null, '');
    await settled;
    expect(done).toBe(true);
  });
});
