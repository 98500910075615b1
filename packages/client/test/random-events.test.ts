import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_PAUSE_MS } from '../src/core/index.ts';
import { type CoreDriver, driveCore, tokenMessage } from './core-driver.ts';
import { plain, referenceFold } from './reference-fold.ts';
import { fullSync, presenceMessage } from './wire-arbitraries.ts';

/** Something that happens to a client; `apply` does nothing where it cannot happen now. */
type Happening = { readonly name: string; apply(world: World): void };

type World = {
  readonly driver: CoreDriver;
  /** The presence messages that the client was given since the friends were last forgotten. */
  heard: object[];
  ticket: number;
  /** The longest pause a server asked for so far. */
  windowMs: number;
};

const happening = (name: string, apply: (world: World) => void): Happening =>
  ({ name, apply, toString: () => name }) as Happening;

function deliver(world: World, message: object | string): void {
  const { driver } = world;
  if (driver.socket === null) return;
  const name = driver.state.phase.name;
  // A server says nothing before the socket is open.
  if (name === 'opening') return;
  if (
    typeof message === 'object' &&
    ['sync', 'u', 'o', 'x'].includes((message as { t: string }).t) &&
    name !== 'leaving'
  ) {
    world.heard.push(message);
  }
  driver.receive(message);
}

/** The answer of the server to what was sent last, if it awaits one. */
function reply(world: World, make: (request: unknown) => object): void {
  const asked = world.driver.takeSent().findLast((message) => 'i' in message);
  if (asked !== undefined) deliver(world, make(asked['i']));
}

const literal = (name: string, apply: (world: World) => void): fc.Arbitrary<Happening> =>
  fc.constant(happening(name, apply));

const anything: fc.Arbitrary<Happening> = fc.oneof(
  literal('start', ({ driver }) => driver.dispatch({ type: 'start', resume: null })),
  literal('start with a kept token', ({ driver }) => driver.dispatch({ type: 'start', resume: 'kept' })),
  literal('stop', ({ driver }) => driver.dispatch({ type: 'stop' })),
  literal('logout', ({ driver }) => driver.dispatch({ type: 'logout' })),
  literal('online', ({ driver }) => driver.dispatch({ type: 'networkOnline' })),
  literal('offline', ({ driver }) => driver.dispatch({ type: 'networkOffline' })),
  literal('visible', ({ driver }) => driver.dispatch({ type: 'visible' })),
  literal('token callback fails', ({ driver }) => {
    const fetch = driver.fetches.shift();
    if (fetch !== undefined) driver.dispatch({ type: 'tokenFailed', fetch });
  }),
  fc
    .record(
      { s: fc.constantFrom('Online', 'Busy', 'Invisible'), a: fc.constantFrom('', 'x', 'y') },
      { requiredKeys: [] },
    )
    .filter((patch) => Object.keys(patch).length > 0)
    .map((patch) =>
      happening(`set ${JSON.stringify(patch)}`, (world) => {
        world.driver.dispatch({ type: 'setStatus', patch, ticket: ++world.ticket });
      }),
    ),
  fc
    .integer({ min: 0, max: 100_000 })
    .map((ms) => happening(`${ms} ms pass`, ({ driver }) => driver.advance(ms))),
  fc
    .tuple(fc.integer({ min: 0, max: 500_000 }), fc.boolean())
    .map(([ms, monotonic]) => happening(`sleep ${ms} ms`, ({ driver }) => driver.sleep(ms, monotonic))),
  fc.constantFrom(1000, 1001, 1006, 1009, 4000, 4001, 4100, 4102, 4200, 4204, 4205).map((code) =>
    happening(`close ${code}`, (world) => {
      // A fresh token that is refused is followed by a pause of the client's own.
      if (code === 4200) world.windowMs = Math.max(world.windowMs, 60_000);
      if (world.driver.socket !== null) world.driver.close(code);
    }),
  ),
  literal('a better line stands open', ({ driver }) => driver.climb()),
  fc
    .record(
      {
        t: fc.constant('bye'),
        code: fc.constantFrom('draining', 'token_expired', 'unavailable', 'replaced', 'user_erased'),
        advice: fc.constantFrom('resume', 'reconnect', 'stop', 'dance'),
        afterMs: fc.integer({ min: 0, max: 60_000 }),
      },
      { requiredKeys: ['t', 'code', 'advice'] },
    )
    .map((bye) =>
      happening(JSON.stringify(bye), (world) => {
        world.windowMs = Math.max(world.windowMs, bye.afterMs ?? 0, 1000);
        deliver(world, bye);
      }),
    ),
  literal('ok to the last request', (world) => reply(world, (i) => ({ t: 'ok', i, exp: 1_763_715_700_000 }))),
  fc.constantFrom('rate_limited', 'bad_message', 'resume_failed', 'token_expired').map((code) =>
    happening(`err ${code} to the last request`, (world) => {
      world.windowMs = Math.max(world.windowMs, 3000);
      reply(world, (i) => ({
        t: 'err',
        code,
        m: '',
        i,
        ...(code === 'rate_limited' ? { retryAfterMs: 3000 } : {}),
      }));
    }),
  ),
  fc
    .record({ resumed: fc.boolean(), exp: fc.constantFrom(undefined, 1_763_715_660_000) })
    .map((over) => happening('token', (world) => deliver(world, tokenMessage(over)))),
  fc
    .constantFrom(
      { t: 'hb' },
      { t: 'hb', at: 7777 },
      { t: 'hb', q: 3 },
      { t: 'gap' },
      '<html>',
      'null',
      '[]',
      '{"t":"sync"}',
    )
    .map((message) =>
      happening(JSON.stringify(message), (world) => {
        // A sync without users names nobody.
        deliver(world, message === '{"t":"sync"}' ? { t: 'sync', users: [] } : message);
      }),
    ),
  presenceMessage.map((message) => happening(JSON.stringify(message), (world) => deliver(world, message))),
);

/** What usually happens next, so that sequences get far. */
const usual: fc.Arbitrary<Happening> = fullSync.map((sync) =>
  happening('go on', (world) => {
    const { driver } = world;
    const phase = driver.state.phase;
    switch (phase.name) {
      case 'idle':
      case 'stopped':
        return void driver.dispatch({ type: 'start', resume: null });
      case 'fetching':
        return driver.giveFetched(phase.fetch);
      case 'opening':
        return driver.open();
      case 'authenticating':
        return deliver(
          world,
          phase.granted === null ? tokenMessage({ resumed: driver.state.resume !== null }) : sync,
        );
      case 'live':
        return reply(world, (i) => ({ t: 'ok', i }));
      case 'leaving':
        return driver.close(4205);
      case 'waiting':
        return driver.advance(phase.retryInMs);
    }
  }),
);

function checkAfter(world: World): void {
  const { driver } = world;
  const change = driver.connection();
  // Friends are forgotten with the session, where the server or the user ended it.
  if (driver.clearedPresence()) world.heard = [];
  if (change === undefined) return;
  expect(['connecting', 'connected', 'disconnected']).toContain(change.status);
  if (change.retryInMs !== null) expect(change.retryInMs).toBeLessThan(LONGEST_PAUSE_MS + world.windowMs);
  if (change.status === 'connected') expect(driver.socket).not.toBeNull();
  const expected = referenceFold(world.heard);
  expect(new Map([...driver.friends.all].map(([id, friend]) => [id, plain(friend)]))).toEqual(expected);
}

describe('any events in any order', () => {
  it('never open two sockets, leave a timer behind, pause too long, or lose a presence message', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 2, arbitrary: usual }, { weight: 3, arbitrary: anything }), {
          maxLength: 60,
        }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        fc.boolean(),
        (happenings, randoms, renewable) => {
          const random = (): number => randoms.next().value as number;
          const world: World = {
            driver: driveCore({ renewable, random }),
            heard: [],
            ticket: 0,
            windowMs: 0,
          };
          for (const each of happenings) {
            each.apply(world);
            checkAfter(world);
          }
          const { driver } = world;
          driver.dispatch({ type: 'stop' });
          expect([driver.socket, driver.timers.size]).toEqual([null, 0]);
          expect(driver.state.own.sent, 'nothing counts as on its way').toBeNull();
          const settled = driver.settled.map((each) => each.upTo);
          expect(settled, 'tickets are settled in order, once').toEqual(
            [...new Set(settled)].toSorted((a, b) => a - b),
          );
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('a client that is left alone with a good server always gets connected again', () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 40 }), (happenings) => {
        const world: World = { driver: driveCore(), heard: [], ticket: 0, windowMs: 0 };
        for (const each of happenings) each.apply(world);
        const { driver } = world;
        driver.dispatch({ type: 'stop' });
        driver.dispatch({ type: 'start', resume: null });
        if (driver.state.phase.name === 'fetching') driver.giveFetched(driver.state.phase.fetch);
        driver.open();
        driver.receive(tokenMessage());
        driver.receive({ t: 'sync', users: [] });
        expect(driver.connection()!.status).toBe('connected');
        driver.takeSent();
        // Whatever was wanted and not told is told now, and settled by its ok.
        for (let turn = 0; turn < 3 && driver.state.own.sent !== null; turn++) {
          driver.receive({ t: 'ok', i: driver.state.own.sent.request });
        }
        expect([driver.state.own.pending, driver.state.own.upTo]).toEqual([{}, 0]);
      }),
      { numRuns: 1000 },
    );
  });
});
