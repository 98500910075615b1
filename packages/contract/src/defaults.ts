import { MAX_CALL_MS } from '@carillon/protocol';

const KI = 1024;
const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;

/** What whoever repeats a publication whose answer was lost counts on ([PUB2]); clients do so for four and a half minutes of it. */
const IDEMPOTENCY = 300 * SECOND;

/** What a definition is unless it says otherwise, and which options its kind has. docs/contract.md lists the same. */
export const DEFAULTS = {
  stream: {
    history: { count: 1_000, ageMs: DAY, units: KI * KI },
    idempotencyMs: IDEMPOTENCY,
    durability: 'stored',
    slow: 'resync',
    heldUnits: 256 * KI,
    payloadUnits: 16 * KI,
    rate: { perSecond: 100, burst: 200 },
    echo: true,
    members: false,
    ownerPublishes: false,
    /** Beside none: it has rules of its own. */
    beside: null,
  },
  map: {
    history: { count: 1_000, ageMs: DAY, units: KI * KI },
    idempotencyMs: IDEMPOTENCY,
    keys: 10_000,
    /** Never, unless the publication says otherwise. */
    ttlMs: null,
    durability: 'stored',
    slow: 'conflate',
    heldUnits: 256 * KI,
    payloadUnits: 16 * KI,
    rate: { perSecond: 100, burst: 200 },
    echo: true,
    members: false,
    ownerPublishes: false,
    /** Beside none: it has rules of its own. */
    beside: null,
  },
  signal: {
    flushMs: 50,
    payloadUnits: 4 * KI,
    // Cursors: fifty people who move at once, twenty times a second each.
    rate: { perSecond: 1_000, burst: 2_000 },
    members: false,
    ownerPublishes: false,
    /** Beside none: it has rules of its own. */
    beside: null,
  },
  document: {
    durability: 'stored',
    updateBytes: KI * KI,
    documentBytes: 32 * KI * KI,
    compactUpdates: 1_000,
    compactBytes: 256 * KI,
    awarenessUnits: 4 * KI,
    // A cursor that moves with every frame of a screen, now and then.
    awarenessRate: { perSecond: 30, burst: 60 },
    flushMs: 50,
    versionEveryMs: 3600 * SECOND,
    versions: 100,
    namedVersions: 100,
    rate: { perSecond: 1_000, burst: 2_000 },
    members: true,
    heldUnits: KI * KI,
  },
  call: { timeoutMs: 10 * SECOND },
} as const;

/** What numbers may be, from and to. All are whole. docs/contract.md lists the same. */
export const BOUNDS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  'history.count': [0, 1_000_000],
  'history.ageMs': [SECOND, 3_650 * DAY],
  'history.units': [KI, 1024 * KI * KI],
  idempotencyMs: [IDEMPOTENCY, 30 * DAY],
  keys: [1, 1_000_000],
  ttlMs: [100, 3_650 * DAY],
  heldUnits: [KI, 64 * KI * KI],
  payloadUnits: [1, 16 * KI * KI],
  'rate.perSecond': [1, 1_000_000],
  'rate.burst': [1, 1_000_000],
  flushMs: [10, 10 * SECOND],
  updateBytes: [KI, 64 * KI * KI],
  documentBytes: [KI, 256 * KI * KI],
  compactUpdates: [1, 100_000],
  compactBytes: [KI, 64 * KI * KI],
  awarenessUnits: [16, 64 * KI],
  'awarenessRate.perSecond': [1, 1_000],
  'awarenessRate.burst': [1, 10_000],
  versionEveryMs: [0, 365 * DAY],
  versions: [0, 10_000],
  namedVersions: [0, 10_000],
  timeoutMs: [1, MAX_CALL_MS],
};

/** What texts may be. */
export const CHOICES: Readonly<Record<string, readonly string[]>> = {
  durability: ['stored', 'replicated', 'memory'],
  slow: ['close', 'drop-oldest', 'conflate', 'resync'],
};
