import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fetchKeys, KEY_FETCH_TIME_LIMIT_MS } from '../auth/key-fetch.ts';
import type { AuthConfig } from '../config.ts';
import { type DatabaseConfig, databaseName } from '../config/database.ts';
import { bind, unbind } from '../server/listening.ts';
import { StartError } from '../server/start-error.ts';
import { tryDatabase } from '../server/stopped.ts';

/** What one check of `carillon doctor` found; where it failed, `detail` says what to do. */
export type Finding = { readonly ok: boolean; readonly name: string; readonly detail: string };

/** The oldest Node this runs on: `engines` of the package. */
const OLDEST_NODE = [22, 22] as const;

/** Files a server has open beside its connections: the database, logs, listeners. */
const FILES_BESIDE_CONNECTIONS = 100;

/** With room for fewer connections than this a server is of no use, whatever its limits say. */
const FEWEST_CONNECTIONS = 500;

/** Before this there was no Carillon: a clock that shows less was never set. 2026-01-01. */
const EARLIEST_MS = 1_767_225_600_000;

/** How far the clock may be behind what the database last saw. */
const CLOCK_TOLERANCE_MS = 60_000;

export function checkNodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return {
    ok,
    name: 'node',
    detail: ok ? version : `${version} is too old: install Node ${OLDEST_NODE.join('.')} or newer`,
  };
}

export async function checkAuth(auth: AuthConfig | null): Promise<Finding> {
  const name = 'auth';
  if (auth === null) {
    return {
      ok: false,
      name,
      detail:
        'nothing says who may log in: set CARILLON_JWT_SECRET or CARILLON_JWKS_URL, or give an authenticate hook',
    };
  }
  switch (auth.kind) {
    case 'secret':
      return { ok: true, name, detail: 'HS256 tokens signed with CARILLON_JWT_SECRET' };
    case 'hook':
      return { ok: true, name, detail: 'the authenticate hook of the configuration' };
    case 'jwks': {
      const fetched = await fetchKeys(auth.url, KEY_FETCH_TIME_LIMIT_MS);
      const place = auth.url.origin + auth.url.pathname;
      return fetched.ok
        ? { ok: true, name, detail: `keys of ${place}` }
        : {
            ok: false,
            name,
            detail: `CARILLON_JWKS_URL: ${place}: ${fetched.problem}; check the address, and that this machine may reach it`,
          };
    }
  }
}

export async function checkPort(host: string, port: number): Promise<Finding> {
  const probe = createServer();
  try {
    await bind(probe, host, port);
    await unbind(probe);
    return { ok: true, name: 'port', detail: `${host}:${port} is free` };
  } catch (error) {
    return { ok: false, name: 'port', detail: lineOf(error) };
  }
}

export async function checkDatabase(
  config: DatabaseConfig,
): Promise<{ readonly finding: Finding; readonly aliveAtMs: number | null }> {
  try {
    const aliveAtMs = await tryDatabase(config);
    return {
      finding: {
        ok: true,
        name: 'database',
        detail: `${databaseName(config)} can be written, its schema is up to date`,
      },
      aliveAtMs,
    };
  } catch (error) {
    return { finding: { ok: false, name: 'database', detail: lineOf(error) }, aliveAtMs: null };
  }
}

export function checkDescriptors(connections: number): Finding {
  const name = 'files';
  const limit = descriptorLimit();
  if (limit === null)
    return { ok: true, name, detail: 'this system does not say how many files may be open' };
  const room = limit - FILES_BESIDE_CONNECTIONS;
  if (room < Math.min(connections, FEWEST_CONNECTIONS)) {
    return { ok: false, name, detail: `only ${limit} files may be open: raise it (ulimit -n, LimitNOFILE=)` };
  }
  const short =
    room < connections
      ? `, less than limits.connections (${connections}): raise it (ulimit -n, LimitNOFILE=) before that many come`
      : '';
  return { ok: true, name, detail: `${limit} files may be open${short}` };
}

/** How many files this process may have open; null where that cannot be found out. */
function descriptorLimit(): number | null {
  try {
    const match = /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    if (match === null) return null;
    return match[1] === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(match[1]);
  } catch {
    // Only Linux has this file.
    return null;
  }
}

/** @param aliveAtMs when the server last lived, by its database */
export function checkClock(nowMs: number, aliveAtMs: number | null): Finding {
  const name = 'clock';
  const now = new Date(nowMs).toISOString();
  if (nowMs < EARLIEST_MS)
    return {
      ok: false,
      name,
      detail: `${now} is in the past: set the clock, or every login token will look wrong`,
    };
  if (aliveAtMs !== null && aliveAtMs > nowMs + CLOCK_TOLERANCE_MS) {
    return {
      ok: false,
      name,
      detail: `${now} is before ${new Date(aliveAtMs).toISOString()}, when the database was last used: set the clock`,
    };
  }
  return { ok: true, name, detail: now };
}

function lineOf(error: unknown): string {
  if (error instanceof StartError) return error.message;
  throw error;
}
