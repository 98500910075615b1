import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, expect, it } from 'vitest';
import { LANE_LIMITS } from '../../src/core/channel/lane-marks.ts';
import { openStores } from '../../src/server/stores.ts';
import type { Stores } from '../../src/server/stores/store-options.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';

const DAY_MS = 86_400_000;

const folder = mkdtempSync(join(tmpdir(), 'carillon-stores-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('who goes offline with a stop was last seen by the wall clock, though it was set back a day meanwhile', async () => {
  const clock = createVirtualClock();
  const databasePath = join(folder, 'test.sqlite');
  const open = (): Promise<Stores> =>
    openStores({
      database: { kind: 'sqlite', path: databasePath },
      redis: null,
      graceMs: 60_000,
      laneLimits: LANE_LIMITS,
      storesChannels: false,
      replicatesChannels: false,
      clock,
      telemetry: silentTelemetry,
      secrets: { token: () => 'epoch', id: () => 'id', fraction: () => 0 },
      webhooks: null,
      onFailed: (reason) => expect.fail(reason),
    });
  const first = await open();
  first.beginLife();
  await first.directory.ensureUser('alice');
  await first.presence.join('alice', 'd1', { kind: 'session', session: 's1', generation: 1 }, { fields: {} });
  clock.stepWall(-DAY_MS);
  await clock.advance(5_000);
  const lastSeenMs = clock.nowMs();
  await first.close();
  // The session was never kept, so the device is nobody's.
  await clock.advance(30_000);
  const second = await open();
  expect(await second.presence.read(['alice'])).toMatchObject([{ s: 'Offline', lastSeenMs }]);
  await second.presence.leases();
  await second.close();
  const raw = new BetterSqlite3(databasePath, { readonly: true });
  expect(raw.prepare('SELECT last_seen_ms FROM users WHERE name = ?').pluck().get('alice')).toBe(lastSeenMs);
  raw.close();
});
