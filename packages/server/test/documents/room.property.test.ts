import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { silentTelemetry as telemetry } from '../../src/adapters/memory/silent-telemetry.ts';
import { createMemoryLog } from '../../src/adapters/memory/log.ts';
import {
  add,
  authorOf,
  judge,
  newDocumentState,
  type DocumentState,
} from '../../src/core/document/document-state.ts';
import type { DocumentSpec } from '../../src/core/channel/channel-spec.ts';
import type { PublicationNotice } from '../../src/ports/broker.ts';
import type { DocumentEngine, Inspected, UpdateContent } from '../../src/ports/document-engine.ts';
import type { Append, Log } from '../../src/ports/log.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import type { HubChannel } from '../../src/runtime/link-state.ts';
import { createRoom } from '../../src/runtime/documents/room.ts';
import type { Room, TakeResult } from '../../src/runtime/documents/room-face.ts';
import { channelSpec } from '../runtime/channels/channel-harness.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';

const RETENTION = { count: Infinity, ageMs: Infinity, units: Infinity, keys: 0, onceMs: 0 };

const SPEC: DocumentSpec = {
  updateBytes: 1_000,
  documentBytes: 1_000_000,
  compactUpdates: 5,
  compactBytes: 1_000_000,
  awarenessUnits: 100,
  awarenessRate: { perSecond: 1, burst: 1 },
  versionEveryMs: null,
  versions: 0,
  namedVersions: 0,
};

/** Updates that say outright what they bring: what is tried here is who is taken where. */
const engine = {
  inspect(update: Uint8Array): Inspected {
    const [client, from, to, needed, salt] = JSON.parse(Buffer.from(update).toString()) as number[];
    const content: UpdateContent = {
      brings: [{ client: client as number, from: from as number, to: to as number }],
      needs: needed === undefined || needed === 0 ? new Map() : new Map([[salt as number, needed]]),
      deletes: false,
    };
    return { ok: true, content };
  },
  trim: (update: Uint8Array): Uint8Array => update,
  compact: ({ state, tail }: { state: Uint8Array | null; tail: readonly Uint8Array[] }) => {
    const all = [...(state === null ? [] : (JSON.parse(Buffer.from(state).toString()) as string[]))];
    const vector = new Map<number, number>();
    for (const update of tail) all.push(Buffer.from(update).toString());
    for (const text of all) {
      const [client = 0, , to = 0] = JSON.parse(text) as number[];
      vector.set(client, Math.max(vector.get(client) ?? 0, to));
    }
    return Promise.resolve({ ok: true as const, state: Buffer.from(JSON.stringify(all)), vector });
  },
} as unknown as DocumentEngine;

/** A log whose answers wait until somebody lets them come, in the order of the calls, and that may say that it failed. */
function slowLog(log: Log): { log: Log; step(fate: 'ok' | 'lost' | 'refused'): boolean } {
  const waiting: ((fate: 'ok' | 'lost' | 'refused') => void)[] = [];
  const later = <T>(work: () => T, isAppend = false): Promise<T> =>
    new Promise((resolve, reject) =>
      waiting.push((fate) => {
        if (isAppend && fate === 'refused') return reject(storeUnavailable('refused'));
        const result = work();
        return isAppend && fate === 'lost' ? reject(storeUnavailable('lost')) : resolve(result);
      }),
    );
  return {
    log: {
      ...log,
      append: (append: Append) => later(() => log.append(append), true) as ReturnType<Log['append']>,
      read: (...args) => later(() => log.read(...args)) as ReturnType<Log['read']>,
      top: (channel) => later(() => log.top(channel)) as ReturnType<Log['top']>,
      trim: (...args) => later(() => log.trim(...args)) as ReturnType<Log['trim']>,
      settle: (channel) => later(() => log.settle(channel)) as ReturnType<Log['settle']>,
    },
    step(fate) {
      const next = waiting.shift();
      next?.(fate);
      return next !== undefined;
    },
  };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

type Told = { readonly text: string; readonly user: string; readonly result: TakeResult };

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      node: fc.nat(1),
      who: fc.nat(2),
      forge: fc.nat(9),
      repeat: fc.boolean(),
      needs: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('log' as const),
      node: fc.nat(1),
      fate: fc.constantFrom(
        'ok' as const,
        'ok' as const,
        'ok' as const,
        'ok' as const,
        'lost' as const,
        'refused' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), node: fc.nat(1), lost: fc.nat(4) }),
  },
);

it.each([
  ['two nodes take changes of one document', false],
  ['a node that is alone sends appends behind one another', true],
])(
  '%s: what is acknowledged is in the log once and was valid at its place, whatever the log loses',
  async (_title, alone) => {
    let acknowledged = 0;
    let inFlightAtFailures = 0;
    let known = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
        const shared = createMemoryLog({ newEpoch: () => 'e1', limits: { ms: 1, perUser: 1 } as never });
        const store = createMemoryDocuments();
        const clock = createVirtualClock();
        const logs = [slowLog(shared), slowLog(shared)];
        const mail: PublicationNotice[][] = [[], []];
        const channel = {
          name: 'doc:1',
          spec: channelSpec('doc:{id}', { kind: 'document', retention: RETENTION, document: SPEC }),
        } as unknown as HubChannel;
        const rooms: Room[] = logs.map(({ log }) =>
          createRoom(channel, SPEC, {
            ports: {
              clock,
              telemetry,
              secrets: {} as never,
              broker: {
                publish(_topic: string, notice: PublicationNotice) {
                  for (const box of mail) box.push(notice);
                  return undefined;
                },
              } as never,
            },
            log,
            store,
            engine,
            alone,
          }),
        );
        /** Each person's own clocks, as their client has them, and what they sent last. */
        const clocks = [0, 0, 0];
        const last = ['', '', ''];
        const told: Told[] = [];
        let open = 0;

        function change(node: number, who: number, forge: number, repeat: boolean, needs: boolean): void {
          const user = `user ${who}`;
          const victim = (who + 1) % 3;
          let text: string;
          if (forge === 0) text = JSON.stringify([victim, clocks[victim], (clocks[victim] ?? 0) + 1, 0, 0]);
          else if (repeat && last[who] !== '') text = last[who] as string;
          else {
            const from = clocks[who] as number;
            clocks[who] = from + 1 + (forge % 3);
            text = JSON.stringify([who, from, clocks[who], needs ? clocks[victim] : 0, victim]);
            last[who] = text;
          }
          open++;
          void (rooms[node] as Room)
            .take({
              update: Buffer.from(text),
              author: { user, names: new Set(), full: false },
              silent: null,
              mayWrite: () => true,
            })
            .then((result) => {
              open--;
              told.push({ text, user, result });
            });
        }

        for (const one of steps) {
          const node = alone ? 0 : one.node;
          if (one.do === 'change') change(node, one.who, one.forge, one.repeat, one.needs);
          else if (one.do === 'log') {
            if (one.fate !== 'ok' && open > 1) inFlightAtFailures++;
            logs[node]?.step(one.fate);
          } else {
            const notice = mail[node]?.shift();
            if (notice !== undefined && one.lost > 0) rooms[node]?.delivered(notice);
          }
          await settle();
        }
        for (let idle = 0; idle < 5;) {
          const moved = [logs[0]?.step('ok'), logs[1]?.step('ok')].some(Boolean);
          await clock.advance(100);
          await settle();
          idle = moved ? 0 : idle + 1;
        }

        expect(open).toBe(0);
        // The whole order: what compaction took out of the log is in the snapshot, in its order.
        const snapshot = store.snapshot('doc:1');
        const all = shared.read('doc:1', { epoch: 'e1', offset: 0 }, RETENTION, 0);
        if (all instanceof Promise || !all.ok) throw new Error('the log has less than was appended');
        const state: DocumentState = newDocumentState();
        for (const { data, by, ref } of all.publications) {
          const content = contentOf(data);
          const author = authorOf(by, ref);
          expect(judge(state, newDocumentState(), content, author).verdict).toBe('take');
          add(state, content, author);
        }
        const offsets = new Set<number>();
        for (const { text, user, result } of told) {
          if (!result.ok) continue;
          acknowledged++;
          const [client = 0, , to = 0] = JSON.parse(text) as number[];
          expect(state.vector.get(client) ?? 0).toBeGreaterThanOrEqual(to);
          if (result.duplicate) {
            known++;
            continue;
          }
          const publication = all.publications[result.position.offset - 1];
          expect(Buffer.from((publication?.data ?? '""').slice(1, -1), 'base64').toString()).toBe(text);
          expect(publication?.by).toBe(user);
          expect(offsets.has(result.position.offset)).toBe(false);
          offsets.add(result.position.offset);
        }
        if (snapshot !== null)
          for (const [client, clock] of snapshot.vector)
            expect(state.vector.get(client)).toBeGreaterThanOrEqual(clock);
        for (const room of rooms) room.close();
      }),
      { numRuns: 400 },
    );
    expect(acknowledged).toBeGreaterThan(2_000);
    expect(inFlightAtFailures).toBeGreaterThan(300);
    expect(known).toBeGreaterThan(50);
  },
);

function contentOf(data: string | null): UpdateContent {
  const inspected = engine.inspect(Buffer.from((data ?? '""').slice(1, -1), 'base64'));
  if (!inspected.ok) throw new Error(inspected.detail);
  return inspected.content;
}
