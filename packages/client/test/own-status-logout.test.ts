import { describe, expect, it } from 'vitest';
import { type CoreDriver, connected, driveCore, logIn } from './core-driver.ts';

function set(driver: CoreDriver, patch: Record<string, string>, ticket = 1): void {
  driver.dispatch({ type: 'setStatus', patch, ticket });
}

function logOut(driver: CoreDriver): number {
  driver.takeSent();
  driver.dispatch({ type: 'logout' });
  const [logout] = driver.takeSent();
  expect(logout).toMatchObject({ t: 'logout' });
  return logout!['i'] as number;
}

/** What the next login carries of the own status. */
function carriedNext(driver: CoreDriver): object {
  driver.dispatch({ type: 'start', resume: null });
  driver.giveToken();
  const { s, a } = logIn(driver);
  return { s, a };
}

/** How a logout that is under way comes to its end, before the app connects again. */
const ENDS: readonly [string, (driver: CoreDriver, request: number) => void][] = [
  ['is not answered yet', () => undefined],
  ['was answered', (driver, i) => driver.receive({ t: 'ok', i })],
  ['was confirmed by a bye', (driver) => driver.receive({ t: 'bye', code: 'logged_out', advice: 'stop' })],
  ['lost its line', (driver) => driver.close()],
  ['was never answered', (driver) => driver.advance(5_000)],
  ['was cut short by a disconnect', (driver) => driver.dispatch({ type: 'stop' })],
];

describe('a status set behind a logout', () => {
  it.each(ENDS)('that %s goes with the next login, and is settled by it', (_title, end) => {
    for (const options of [{}, { device: 'desk' }]) {
      const driver = connected(options);
      set(driver, { s: 'Busy', a: 'before' }, 1);
      const request = logOut(driver);
      expect(driver.settled).toEqual([{ upTo: 1, code: 'logged_out' }]);
      set(driver, { s: 'Invisible' }, 2);
      end(driver, request);
      expect(driver.settled).toEqual([{ upTo: 1, code: 'logged_out' }]);
      expect(carriedNext(driver)).toEqual({ s: 'Invisible', a: undefined });
      expect(driver.settled.at(-1)).toEqual({ upTo: 2, code: null });
    }
  });

  it('of a login under way goes with the next one', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    set(driver, { a: 'before' }, 1);
    driver.open();
    logOut(driver);
    expect(driver.settled).toEqual([{ upTo: 1, code: 'logged_out' }]);
    set(driver, { s: 'Invisible' }, 2);
    expect(carriedNext(driver)).toEqual({ s: 'Invisible', a: undefined });
  });

  it('is kept for a page that ends before the next login', () => {
    const driver = connected();
    set(driver, { s: 'Busy' }, 1);
    logOut(driver);
    expect(driver.keptOwn).toEqual({ confirmed: {}, pending: {} });
    set(driver, { s: 'Invisible' }, 2);
    expect(driver.keptOwn).toEqual({ confirmed: {}, pending: { s: 'Invisible' } });
    driver.close();
    expect(driver.keptOwn).toEqual({ confirmed: {}, pending: { s: 'Invisible' } });
  });

  it('is not sent on the line that is being left', () => {
    const driver = connected();
    const request = logOut(driver);
    set(driver, { s: 'Invisible' });
    driver.advance(4_999);
    driver.receive({ t: 'ok', i: request });
    expect(driver.takeSent()).toEqual([]);
  });

  it('ends with another logout', () => {
    const driver = connected();
    logOut(driver);
    set(driver, { s: 'Invisible' }, 3);
    driver.dispatch({ type: 'logout' });
    expect(driver.takeSent()).toEqual([]);
    expect(driver.state.phase.name, 'the first one is still waited for').toBe('leaving');
    expect(driver.settled).toEqual([{ upTo: 3, code: 'logged_out' }]);
    expect(carriedNext(driver)).toEqual({ s: undefined, a: undefined });
  });
});
