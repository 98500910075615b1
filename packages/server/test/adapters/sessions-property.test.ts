import fc from 'fast-check';
import { describe, it } from 'vitest';
import { createMemorySessions } from '../../src/adapters/memory/sessions.ts';
import type { SessionRecord, SessionStore } from '../../src/ports/sessions.ts';
import { createSlowDisk } from './slow-disk.ts';
import { GRACE_MS, T0 } from './subjects.ts';

/** A client's copy of one session: which tokens it was ever given, and which it was given last for sure. */
type Client = {
  readonly id: string;
  readonly user: string;
  readonly tokens: string[];
  generations: number[];
};

type Step =
  | { readonly kind: 'create'; readonly user: string }
  | { readonly kind: 'resume'; readonly client: number; readonly token: number; readonly as: string }
  | { readonly kind: 'confirm' | 'detach' | 'end'; readonly client: number; readonly behind: number }
  | { readonly kind: 'write'; readonly count: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'crash'; readonly downMs: number };

const user = fc.constantFrom('alice', 'bob');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('create' as const), user }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('resume' as const),
      client: fc.nat(3),
      token: fc.nat(3),
      as: user,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('confirm' as const, 'detach' as const, 'detach' as const, 'end' as const),
      client: fc.nat(3),
      behind: fc.nat(1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(GRACE_MS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), downMs: fc.nat(10 * GRACE_MS) }) },
);

const sorted = (records: readonly SessionRecord[]) => records.toSorted((a, b) => (a.id < b.id ? -1 : 1));

/** All sessions of a store, of one moment. */
async function all(store: SessionStore): Promise<readonly SessionRecord[]> {
  return sorted([...(await store.sessionsOf('alice')), ...(await store.sessionsOf('bob'))]);
}

describe('sessions in random interleavings of many clients, a slow disk and crashes', () => {
  it('no generation is given twice, older ones change nothing, and what was resolved survives a crash at any moment', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), run), {
      numRuns: 2_000,
    });
  });
});

async function run(steps: readonly Step[]): Promise<void> {
  const disk = createSlowDisk([]);
  let store = createMemorySessions({ journal: disk.journal, graceMs: GRACE_MS });
  let nowMs = T0;
  let aliveAtMs = T0;
  let serial = 0;
  let clients: Client[] = [];
  /** The whole state after each change, since the last start; a crash must bring back one of them. */
  let history: (readonly SessionRecord[])[] = [[]];
  /** Index into the history of the last change that was reported as done. */
  let resolvedUpTo = 0;
  let life = 0;
  /** Sessions ended in this life: a resume that was granted before, and is answered after, finds none. */
  const ended = new Set<string>();

  /** Follows a call: when it resolves in this life, the state after it must survive. */
  async function follow<T>(call: Promise<T>): Promise<void> {
    const ofLife = life;
    const now = await all(store);
    // What changed nothing has nothing to wait for, and may resolve before the writes that led to this state.
    if (JSON.stringify(now) === JSON.stringify(history.at(-1))) return;
    const index = history.push(now) - 1;
    // A crash leaves the promise open for ever, which is what the caller of a crashed process sees.
    void call.then(() => {
      if (life === ofLife) resolvedUpTo = Math.max(resolvedUpTo, index);
    });
  }

  for (const each of steps) {
    switch (each.kind) {
      case 'create': {
        const client: Client = {
          id: `s${serial}`,
          user: each.user,
          tokens: [`t${serial}-0`],
          generations: [1],
        };
        serial++;
        clients.push(client);
        await follow(
          store.create(
            {
              id: client.id,
              user: client.user,
              device: 'd',
              node: '',
              generation: 1,
              tokenHash: client.tokens[0] ?? '',
              previousTokenHash: null,
              detachedAtMs: null,
            },
            1_000,
          ),
        );
        break;
      }
      case 'resume': {
        const client = clients[each.client % Math.max(1, clients.length)];
        if (client === undefined) break;
        const [before] = (await all(store)).filter(({ id }) => id === client.id);
        const tokenHash = client.tokens.at(-1 - (each.token % client.tokens.length)) ?? '';
        const nextTokenHash = `${client.tokens[0] ?? ''}.${serial++}`;
        const call = store.resume({ user: each.as, tokenHash, nextTokenHash, node: '', nowMs });
        const [after] = (await all(store)).filter(({ id }) => id === client.id);
        const granted = after !== before;
        check(
          'a resume is granted exactly by the rules',
          granted,
          allowed(before, each.as, tokenHash, nowMs),
        );
        if (granted && after !== undefined) {
          check('a generation is given once', client.generations.includes(after.generation), false);
          client.generations.push(after.generation);
          client.tokens.push(nextTokenHash);
        }
        void call.then((result) =>
          check('the answer is what was decided', result.ok, granted && !ended.has(client.id)),
        );
        await follow(call);
        break;
      }
      case 'confirm':
      case 'detach':
      case 'end': {
        const client = clients[each.client % Math.max(1, clients.length)];
        if (client === undefined) break;
        const [before] = (await all(store)).filter(({ id }) => id === client.id);
        const generation = (before?.generation ?? client.generations.at(-1) ?? 1) - each.behind;
        const current = before !== undefined && before.generation === generation;
        const call =
          each.kind === 'detach'
            ? store.detach(client.id, generation, nowMs)
            : store[each.kind](client.id, generation);
        const [after] = (await all(store)).filter(({ id }) => id === client.id);
        if (!current) check('an older generation changes nothing', after, before);
        else if (each.kind === 'end') {
          check('an ended session is gone', after, undefined);
          ended.add(client.id);
        }
        void call.then((done) => check('the answer says whether it was current', done, current));
        await follow(call);
        break;
      }
      case 'write':
        await disk.write(each.count);
        break;
      case 'pass':
        nowMs += each.ms;
        aliveAtMs = nowMs;
        disk.journal.alive(aliveAtMs, 0);
        break;
      case 'crash': {
        disk.journal.alive(aliveAtMs, 0);
        disk.crash();
        life++;
        ended.clear();
        nowMs = aliveAtMs + each.downMs;
        store = createMemorySessions({
          journal: disk.journal,
          graceMs: GRACE_MS,
          restart: { contents: await disk.journal.load(), nowMs },
        });
        const restoring = store.restore();
        while (disk.waiting() > 0) await disk.write(10);
        const restored = sorted(await restoring);
        const moment = nowMs;
        const possible = history.slice(resolvedUpTo).map((state) =>
          JSON.stringify(
            state.map((record) => ({
              ...record,
              detachedAtMs:
                record.detachedAtMs === null ? moment : moment - (aliveAtMs - record.detachedAtMs),
            })),
          ),
        );
        check(
          'what comes back is a state at or after what was resolved',
          possible.includes(JSON.stringify(restored)),
          true,
        );
        clients = clients.filter(({ id }) => restored.some((record) => record.id === id));
        // Rotations that were lost with the crash were never answered: their generations may be given again.
        for (const client of clients) {
          const kept = restored.find(({ id }) => id === client.id);
          client.generations = client.generations.filter(
            (generation) => generation <= (kept?.generation ?? 0),
          );
        }
        aliveAtMs = nowMs;
        history = [restored];
        resolvedUpTo = 0;
      }
    }
  }
}

/** The rules of resuming, said a second time. */
function allowed(record: SessionRecord | undefined, user: string, tokenHash: string, nowMs: number): boolean {
  if (record === undefined || record.user !== user) return false;
  if (tokenHash !== record.tokenHash && tokenHash !== record.previousTokenHash) return false;
  return record.detachedAtMs === null || nowMs < record.detachedAtMs + GRACE_MS;
}

function check(rule: string, actual: unknown, expected: unknown): void {
  if (actual !== expected)
    throw new Error(`${rule}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
}
