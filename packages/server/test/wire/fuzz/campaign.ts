import fc from 'fast-check';
import { expect } from 'vitest';
import type { BareClient } from '../scene/bare-client.ts';
import type { Bystanders } from '../scene/bystanders.ts';
import { loginToken } from '../scene/login-token.ts';
import { liveHeapBytes } from '../scene/live-heap.ts';
import type { Scene } from '../scene/scene.ts';
import { scrape } from '../scene/server-metrics.ts';
import { judge, type Judged } from './expectation.ts';
import { type Input, input } from './inputs.ts';

/** Inputs that go out together, on one connection unless the server ends it. */
const BATCH = 200;

/** RFC 6455, section 7.4.1. */
const BROKEN_UTF8 = 1007;

/** What the server may hold more than before, however many inputs there were: code that V8 compiled meanwhile. */
export const MEMORY_BOUND_BYTES = 4 * 1024 * 1024;

export type CampaignOptions = {
  readonly inputs: number;
  /** The seed of an earlier run; undefined takes a new one. A failure prints its own. */
  readonly seed: number | undefined;
};

/**
 * Sends random inputs, and holds each answer against what the protocol says. A watched session must notice nothing, and
 * the server's own counters must account for every input. For servers whose rate limits let everything through.
 *
 * @returns how many inputs were sent
 */
export async function runCampaign(
  scene: Scene,
  bystanders: Bystanders,
  options: CampaignOptions,
): Promise<number> {
  const tally = new Map<string, number>();
  let sent = 0;
  let bad = 0;
  const add = (code: string): void => void tally.set(code, (tally.get(code) ?? 0) + 1);
  const before = await scrape(scene.server);
  const heldBefore = await liveHeapBytes(scene.server);

  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(input, { minLength: BATCH, maxLength: BATCH }),
      async (loggedIn, inputs) => {
        const judged = inputs.map((each) => ({ each, expected: judge(each, loggedIn) }));
        let rest = judged;
        while (rest.length > 0) {
          // Whatever ends the connection comes last on it: what is behind would be lost.
          const last = rest.findIndex(({ expected }) => expected.kind === 'close');
          const piece = last < 0 ? rest : rest.slice(0, last + 1);
          rest = rest.slice(piece.length);
          await sendOrBlame(scene, loggedIn, piece);
        }
        sent += inputs.length;
        for (const { expected } of judged) {
          if (expected.bad) bad++;
          const error = errorOf(expected);
          if (error !== null) add(error);
        }
        await bystanders.untouched();
      },
    ),
    {
      numRuns: Math.ceil(options.inputs / BATCH),
      endOnFailure: true,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    },
  );

  const after = await scrape(scene.server);
  const errorsBefore = before.by('carillon_errors_total', 'code');
  for (const [code, count] of after.by('carillon_errors_total', 'code')) {
    expect(count - (errorsBefore.get(code) ?? 0), `carillon_errors_total of ${code}`).toBe(
      tally.get(code) ?? 0,
    );
    tally.delete(code);
  }
  expect([...tally.keys()], 'errors that the server did not count').toEqual([]);
  const badCounted = (metrics: typeof after): number =>
    metrics.value('carillon_messages_in_total', '{type="bad"}');
  expect(badCounted(after) - badCounted(before)).toBe(bad);
  expect((await liveHeapBytes(scene.server)) - heldBefore).toBeLessThan(MEMORY_BOUND_BYTES);
  return sent;
}

type Piece = readonly { readonly each: Input; readonly expected: Judged }[];

function errorOf(expected: Judged): string | null {
  if (expected.kind === 'error') return expected.code;
  return expected.kind === 'close' ? expected.error : null;
}

/** Sends inputs, and where an answer is wrong finds out which of them alone gets a wrong one. */
async function sendOrBlame(scene: Scene, loggedIn: boolean, piece: Piece): Promise<void> {
  try {
    await sendPiece(scene, loggedIn, piece);
  } catch (error) {
    const blamed: unknown[] = [];
    for (const one of piece) {
      if (scene.server.exit !== null) break;
      await sendPiece(scene, loggedIn, [one]).catch(() => blamed.push(one));
    }
    const alone = blamed.map((one) => JSON.stringify(one).slice(0, 2_000)).join('\n');
    throw new Error(`${loggedIn ? 'after' : 'before'} the login, wrong by themselves:\n${alone}`, {
      cause: error,
    });
  }
}

/** Sends inputs in one go, waits for every answer that is due, and for none beside. */
async function sendPiece(scene: Scene, loggedIn: boolean, piece: Piece): Promise<void> {
  const client = await scene.connect();
  if (loggedIn) {
    client.send({ t: 'login', username: 'mallory', token: await malloryToken() });
    await client.waitFor('sync', ({ t }) => t === 'sync');
  }
  client.take();
  const due = new Map<string, number>();
  const owe = (what: string): void => void due.set(what, (due.get(what) ?? 0) + 1);
  for (const { expected } of piece) {
    const error = errorOf(expected);
    if (error !== null) owe(error);
    if (expected.kind === 'ok') owe('ok');
    else if (expected.kind === 'echo') owe('echo');
    else if (expected.kind === 'close' && expected.oks > 0) owe('ok');
  }
  const answered = allAnswered(
    client,
    [...due.values()].reduce((sum, count) => sum + count, 0),
  );
  const closing = piece.at(-1)!.expected;
  for (const { each, expected } of piece) {
    // Broken framing ends the connection on the spot, ahead of the answers that are still due in the same turn.
    if (expected.kind === 'close' && expected.close === BROKEN_UTF8) await answered;
    sendInput(client, each);
  }

  if (closing.kind === 'close') {
    // What was answered before the end has arrived with it.
    expect((await client.closed).code).toBe(closing.close);
  } else {
    await answered;
    await client.settle();
    await hangUp(client, loggedIn);
  }
  const got = new Map<string, number>();
  for (const message of client.take()) {
    const what = message.t === 'err' ? (message['code'] as string) : message.t;
    if (what !== 'bye') got.set(what, (got.get(what) ?? 0) + 1);
  }
  const echoes = client.received.filter((message) => message.t === 'hb' && message['q'] !== undefined).length;
  if (echoes > 0) got.set('echo', echoes);
  expect(Object.fromEntries(got)).toEqual(Object.fromEntries(due));
}

function sendInput(client: BareClient, each: Input): void {
  if (each.kind === 'text') client.socket.send(each.text);
  else client.socket.send(each.bytes, { binary: each.kind === 'binary' });
}

function allAnswered(client: BareClient, count: number): Promise<unknown> {
  if (count === 0) return Promise.resolve();
  let left = count;
  const answered = client.waitFor(`${count} answers`, ({ t, q }) => {
    if (t === 'err' || t === 'ok' || (t === 'hb' && q !== undefined)) left--;
    return left === 0;
  });
  // A connection that closes has all its answers already; the counts are compared either way.
  answered.catch(() => undefined);
  return answered;
}

/** Leaves no session behind: those in their grace would count against the user's limit. */
async function hangUp(client: BareClient, loggedIn: boolean): Promise<void> {
  if (loggedIn) client.send('{"t":"logout"}');
  else client.socket.close();
  await client.closed;
}

let token: Promise<string> | undefined;

function malloryToken(): Promise<string> {
  return (token ??= loginToken('mallory'));
}
