import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { logIn } from '../contract/app-under-test.ts';
import { type RealServer, reads, saved, signed, startReal, synced, textIn, until } from './providers.ts';

let real: RealServer;
let warned: MockInstance<typeof console.warn>;
beforeEach(async () => {
  // All that y-websocket does with a refusal; its line has the token in it.
  warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  real = await startReal();
});
afterEach(async () => {
  await real.stop();
  vi.restoreAllMocks();
});

describe('providers of all makes', () => {
  it('two of y-websocket converge, whoever writes, and one that comes later has it all', async () => {
    const [one, two] = [real.yjs('alice'), real.yjs('bob')];
    await Promise.all([synced(one), synced(two)]);
    textIn(one).insert(0, 'one ');
    await reads('one ', two);
    textIn(two).insert(4, 'two ');
    await reads('one two ', one);
    textIn(one).delete(0, 4);
    await reads('two ', one, two);
    await reads('two ', real.yjs('carol'));
  });

  it('two of Hocuspocus converge, and are told that all is saved', async () => {
    const [one, two] = [real.hocuspocus('alice'), real.hocuspocus('bob')];
    await Promise.all([synced(one), synced(two)]);
    expect(one.authorizedScope).toBe('read-write');
    textIn(one).insert(0, 'one');
    await saved(one);
    await reads('one', two);
    await saved(two);
  });

  it('one of Hocuspocus, one of y-websocket and a native client write into one document', async () => {
    const [yjs, hocuspocus] = [real.yjs('alice'), real.hocuspocus('bob')];
    await Promise.all([synced(yjs), synced(hocuspocus)]);
    const native = await logIn(`ws://127.0.0.1:${real.port}/ws`, 'carol', signed('carol'));
    const doc = new Y.Doc();
    taking(native.socket, doc);
    await native.ask({ t: 'sub', c: 'doc:paper', cl: [doc.clientID] });
    textIn(yjs).insert(0, 'y');
    await reads('y', hocuspocus);
    textIn(hocuspocus).insert(1, 'h');
    await reads('yh', yjs);
    await until(() => doc.getText('text').toJSON() === 'yh', [doc, 'update']);
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === 'remote') return;
      native.send({ t: 'upd', c: 'doc:paper', i: 99, d: Buffer.from(update).toString('base64') });
    });
    doc.getText('text').insert(2, 'n');
    await reads('yhn', yjs, hocuspocus);
  });

  it('what was changed before the line stood, and while it was cut, is there behind it', async () => {
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'before ');
    const one = real.yjs('alice', { doc });
    await synced(one);
    const two = real.hocuspocus('bob');
    await reads('before ', two);
    one.disconnect();
    textIn(one).insert(7, 'offline ');
    textIn(two).insert(0, 'meanwhile ');
    await saved(two);
    one.connect();
    await reads('meanwhile before offline ', one, two);
  });

  it('updates that are larger than a message of ours arrive whole', async () => {
    const [one, two] = [real.hocuspocus('alice'), real.yjs('bob')];
    await Promise.all([synced(one), synced(two)]);
    const long = 'long '.repeat(20_000);
    textIn(one).insert(0, long);
    await saved(one);
    await reads(long, two);
    // And what is joined to is too.
    await reads(long, real.yjs('carol'), real.hocuspocus('dave'));
  });
});

describe('who may not', () => {
  it('a token that is not good keeps y-websocket away until the app connects it anew', async () => {
    const bad = real.yjs('alice', { token: `${signed('alice').slice(0, -4)}AAAA` });
    const [event] = (await once(bad as never, 'closed')) as [{ code: number; reason: string }];
    expect(event).toEqual({ code: 4401, reason: 'token_invalid' });
    expect(bad.shouldConnect).toBe(false);
    bad.params = { token: signed('alice') };
    bad.connect();
    await synced(bad);
  });

  it('a token that is not good is told to Hocuspocus as such', async () => {
    const bad = real.hocuspocus('alice', { token: signed('alice', { exp: 1 }) });
    const reason = await new Promise((resolve) =>
      bad.on('authenticationFailed', (event: { reason: string }) => resolve(event.reason)),
    );
    expect(reason).toBe('token_expired');
  });

  it('a document that is not theirs and one that is not there end alike', async () => {
    const reasons: unknown[] = [];
    for (const name of ['nobodys', '\u0001']) {
      const provider = real.hocuspocus('alice', { name });
      reasons.push(
        await new Promise((resolve) =>
          provider.on('authenticationFailed', (event: { reason: string }) => resolve(event.reason)),
        ),
      );
    }
    expect(reasons).toEqual(['forbidden', 'forbidden']);
    const closed = (await once(real.yjs('alice', { name: 'nobodys' }) as never, 'closed')) as unknown[];
    expect(closed[0]).toEqual({ code: 4403, reason: 'forbidden' });
  });

  it('a page of another origin does not get in', async () => {
    for (const path of ['/yjs/paper', '/hocuspocus']) {
      const socket = new WebSocket(`ws://127.0.0.1:${real.port}${path}?token=${signed('alice')}`, {
        headers: { origin: 'https://evil.example' },
      });
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      expect(response.statusCode).toBe(403);
      socket.on('error', () => undefined);
      socket.terminate();
    }
  });

  it('[DOC5] a reader sees everything and changes nothing for anybody else', async () => {
    await real.setRole('rita', 'read');
    const [writer, reader] = [real.yjs('alice'), real.yjs('rita')];
    const other = real.hocuspocus('rita');
    await Promise.all([synced(writer), synced(reader), synced(other)]);
    expect(other.authorizedScope).toBe('readonly');
    textIn(writer).insert(0, 'seen');
    await reads('seen', reader, other);
    textIn(reader).insert(0, 'mine: ');
    textIn(writer).insert(4, ' too');
    await reads('mine: seen too', reader);
    expect(textIn(writer).toJSON()).toBe('seen too');
    expect(warned.mock.lastCall?.[0]).toMatch(/\nforbidden: your role/);
  });

  it('[DOC5] a role that is taken away while they type, and given again, loses nothing that they typed', async () => {
    const [typist, watcher] = [real.hocuspocus('alice'), real.yjs('bob')];
    await Promise.all([synced(typist), synced(watcher)]);
    textIn(typist).insert(0, 'kept ');
    await reads('kept ', watcher);
    const scopes: string[] = [];
    typist.on('authenticated', ({ scope }: { scope: string }) => scopes.push(scope));
    await real.setRole('alice', 'read');
    await until(() => scopes.includes('readonly'), [typist, 'authenticated']);
    textIn(typist).insert(5, 'held ');
    textIn(watcher).insert(0, 'others ');
    await reads('others kept held ', typist);
    expect(textIn(watcher).toJSON()).toBe('others kept ');
    await real.setRole('alice', 'write');
    await reads('others kept held ', watcher);
    await saved(typist);
  });

  it('[DOC5] whose right ends is out', async () => {
    const [yjs, hocuspocus] = [real.yjs('alice'), real.hocuspocus('alice')];
    await Promise.all([synced(yjs), synced(hocuspocus)]);
    const closed = once(yjs as never, 'closed');
    const denied = new Promise((resolve) =>
      hocuspocus.on('authenticationFailed', (event: { reason: string }) => resolve(event.reason)),
    );
    await real.setRole('alice', 'none');
    expect(((await closed) as unknown[])[0]).toEqual({ code: 4403, reason: 'forbidden' });
    expect(await denied).toBe('forbidden');
  });

  it('[DOC4] who goes on with the client id of somebody else is kept away', async () => {
    const doc = new Y.Doc();
    const owner = real.yjs('alice', { doc });
    await synced(owner);
    textIn(owner).insert(0, 'a');
    const watcher = real.yjs('bob');
    await reads('a', watcher);
    const thief = new Y.Doc();
    Y.applyUpdate(thief, Y.encodeStateAsUpdate(doc));
    thief.clientID = doc.clientID;
    const stealing = real.yjs('mallory', { doc: thief });
    thief.getText('text').insert(1, '!');
    expect(((await once(stealing as never, 'closed')) as unknown[])[0]).toMatchObject({ code: 4409 });
    expect(textIn(watcher).toJSON()).toBe('a');
  });
});

describe('where people are', () => {
  type Cursor = { readonly awareness: Awareness | null };
  const shown = ({ awareness }: Cursor): string[] =>
    [...(awareness?.getStates().values() ?? [])].map(({ name }) => String(name)).toSorted();
  const shows = (provider: Cursor, ...names: string[]): Promise<void> =>
    until(() => JSON.stringify(shown(provider)) === JSON.stringify(names), [provider.awareness!, 'change']);

  it('[DOC6] is seen by clients of all makes, changes with them, and goes when they leave', async () => {
    const [yjs, hocuspocus] = [real.yjs('alice'), real.hocuspocus('bob')];
    await Promise.all([synced(yjs), synced(hocuspocus)]);
    yjs.awareness.setLocalStateField('name', 'alice');
    hocuspocus.awareness!.setLocalStateField('name', 'bob');
    await Promise.all([shows(yjs, 'alice', 'bob'), shows(hocuspocus, 'alice', 'bob')]);
    const late = real.yjs('carol');
    late.awareness.setLocalStateField('name', 'carol');
    await Promise.all([yjs, hocuspocus, late].map((one) => shows(one, 'alice', 'bob', 'carol')));
    hocuspocus.awareness!.setLocalStateField('name', 'bert');
    await shows(yjs, 'alice', 'bert', 'carol');
    late.destroy();
    await Promise.all([shows(yjs, 'alice', 'bert'), shows(hocuspocus, 'alice', 'bert')]);
  });

  it('[DOC6] stays what the client says itself: of what it is told it believes nothing about itself, and repeats nothing', async () => {
    const [one, two] = [real.yjs('alice'), real.yjs('bob')];
    await Promise.all([synced(one), synced(two)]);
    const before = await awarenessIn();
    for (let n = 1; n <= 20; n++) {
      one.awareness.setLocalStateField('name', `alice ${n}`);
      await until(() => shown(two).includes(`alice ${n}`), [two.awareness, 'change']);
      expect(one.awareness.getLocalState()).toEqual({ name: `alice ${n}` });
    }
    // One message for each change: what both repeat of each other goes no further.
    expect((await awarenessIn()) - before).toBeLessThanOrEqual(22);
  });

  it('[DOC6] nobody says for another', async () => {
    const [alice, bob] = [real.hocuspocus('alice'), real.yjs('bob')];
    await Promise.all([synced(alice), synced(bob)]);
    alice.awareness!.setLocalStateField('name', 'alice');
    await until(() => shown(bob).includes('alice'), [bob.awareness, 'change']);
    const socket = new WebSocket(`ws://127.0.0.1:${real.port}/yjs/paper?token=${signed('mallory')}`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    const forged = new Y.Doc();
    forged.clientID = alice.document.clientID;
    const awareness = new Awareness(forged);
    awareness.setLocalState({ name: 'mallory' });
    const state = encodeAwarenessUpdate(awareness, [forged.clientID]);
    socket.send(Buffer.concat([Uint8Array.of(1, state.length), state]));
    socket.send(Uint8Array.of(0, 0, 1, 0));
    expect((await closed)[0]).toBe(4409);
    awareness.destroy();
    expect(shown(bob)).toContain('alice');
    expect(shown(bob)).not.toContain('mallory');
  });

  /** Awareness messages that the server has taken from clients. */
  async function awarenessIn(): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${real.port}/metrics`)).text();
    return Number(/^carillon_messages_in_total\{type="aw"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
  }
});

/** Takes what a native client is sent into a document. */
function taking(socket: WebSocket, doc: Y.Doc): void {
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as {
      t: string;
      d?: string;
      ps?: { d: string }[];
      own?: boolean;
    };
    const updates =
      message.t === 'p' && message.own !== true ? [message.d] : (message.ps ?? []).map(({ d }) => d);
    for (const update of updates)
      if (update !== undefined) Y.applyUpdate(doc, Buffer.from(update, 'base64'), 'remote');
  });
}
