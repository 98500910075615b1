import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logIn } from '../contract/app-under-test.ts';
import {
  type Client,
  CLOSED,
  openSocketIoScene,
  type SocketIoScene,
  tokenOf,
  TRANSPORTS,
} from './socketio-scene.ts';

let scene: SocketIoScene;

afterEach(() => scene.close());

describe.each(TRANSPORTS)('over %s', (transport) => {
  let anna: Client;
  let ben: Client;

  beforeEach(async () => {
    scene = await openSocketIoScene();
    const options = { transports: [transport] };
    anna = await scene.connect('anna', options);
    ben = await scene.connect('ben', options);
  });

  it('who joins a document is told so by an event, or by the acknowledgement where the client asks for one', async () => {
    expect(await anna.ask('join-document', 'plan')).toEqual({
      ok: true,
      documentId: 'plan',
      epoch: expect.any(String),
      offset: 0,
    });
    ben.socket.emit('join-document', { documentId: 'plan' });
    expect(await ben.next('document-joined')).toEqual([
      { documentId: 'plan', epoch: expect.any(String), offset: 0 },
    ]);
    expect(anna.of('document-joined')).toEqual([]);
  });

  it('all in it are told who joins and by which name, and who leaves', async () => {
    await anna.ask('join-document', 'plan');
    expect(await anna.next('user-joined')).toEqual([
      { userId: 'anna', name: 'anna by name' },
      { documentId: 'plan' },
    ]);
    await ben.ask('join-document', 'plan');
    const bens = [{ userId: 'ben', name: 'ben by name' }, { documentId: 'plan' }];
    expect(await anna.next('user-joined')).toEqual(bens);
    expect(await ben.next('user-joined')).toEqual(bens);
    expect(await ben.ask('leave-document', 'plan')).toEqual({ ok: true, documentId: 'plan' });
    expect(await anna.next('user-left')).toEqual([{ userId: 'ben' }, { documentId: 'plan' }]);
    await ben.ask('join-document', 'plan');
    expect(await anna.next('user-joined')).toEqual(bens);
    ben.socket.disconnect();
    expect(await anna.next('user-left')).toEqual([{ userId: 'ben' }, { documentId: 'plan' }]);
  });

  it('an operation reaches the others in its document, in its order, and not the one who made it', async () => {
    for (const client of [anna, ben]) await client.ask('join-document', 'plan');
    await ben.ask('join-document', 'other');
    for (let i = 1; i <= 20; i++)
      anna.socket.emit('edit-operation', { documentId: 'plan', operation: { insert: 'ä🎈', at: i } });
    const last = await anna.ask('edit-operation', { documentId: 'plan', operation: null });
    expect(last).toEqual({ ok: true, documentId: 'plan', epoch: expect.any(String), offset: 21 });
    await expect.poll(() => ben.of('remote-edit').length).toBe(21);
    expect(ben.of('remote-edit')).toEqual(
      Array.from({ length: 21 }, (_, i) => [
        { userId: 'anna', operation: i === 20 ? null : { insert: 'ä🎈', at: i + 1 } },
        { documentId: 'plan', epoch: last['epoch'], offset: i + 1 },
      ]),
    );
    expect(anna.of('remote-edit')).toEqual([]);
  });

  it('access is denied alike to a document that is closed, that cannot be, and that nobody declared', async () => {
    for (const documentId of [CLOSED, '', 'x'.repeat(300), '\u0007', '\ud800']) {
      anna.socket.emit('join-document', documentId);
      expect(await anna.next('error')).toEqual([
        'Access denied',
        { code: 'forbidden', documentId: documentId.slice(0, 255) },
      ]);
      expect(await anna.ask('join-document', documentId)).toMatchObject({
        ok: false,
        error: 'Access denied',
      });
      expect(await anna.next('error')).toMatchObject(['Access denied', {}]);
    }
    expect(anna.of('user-joined')).toEqual([]);
  });

  it('an operation on a document that was never joined, or was left, is refused, and reaches nobody', async () => {
    await ben.ask('join-document', 'plan');
    const refused = { ok: false, error: 'Not joined', code: 'forbidden', documentId: 'plan' };
    expect(await anna.ask('edit-operation', { documentId: 'plan', operation: 1 })).toEqual(refused);
    expect(await anna.next('error')).toEqual(['Not joined', { code: 'forbidden', documentId: 'plan' }]);
    await anna.ask('join-document', 'plan');
    await anna.ask('leave-document', 'plan');
    expect(await anna.ask('edit-operation', { documentId: 'plan', operation: 2 })).toEqual(refused);
    await ben.ask('edit-operation', { documentId: 'plan', operation: 'mine' });
    expect(ben.of('remote-edit')).toEqual([]);
  });
});

describe('a document', () => {
  beforeEach(async () => {
    scene = await openSocketIoScene();
  });

  it('is caught up with from the position that a client names, or the client is told that it is not', async () => {
    const anna = await scene.connect('anna');
    const { epoch } = await anna.ask('join-document', 'plan');
    for (let i = 1; i <= 5; i++) await anna.ask('edit-operation', { documentId: 'plan', operation: i });
    const ben = await scene.connect('ben');
    expect(await ben.ask('join-document', { documentId: 'plan', epoch, offset: 2 })).toEqual({
      ok: true,
      documentId: 'plan',
      epoch,
      offset: 5,
      recovered: true,
    });
    await expect.poll(() => ben.of('remote-edit').length).toBe(3);
    expect(ben.of('remote-edit').map(([, about]) => (about as { offset: number }).offset)).toEqual([3, 4, 5]);
    const carol = await scene.connect('carol');
    expect(await carol.ask('join-document', { documentId: 'plan', epoch: 'other', offset: 2 })).toEqual({
      ok: true,
      documentId: 'plan',
      epoch,
      offset: 5,
      recovered: false,
      why: 'epoch',
    });
    expect(carol.of('remote-edit')).toEqual([]);
  });

  it('is one for clients of Socket.IO and of ours: each is told what the others do', async () => {
    const anna = await scene.connect('anna');
    await anna.ask('join-document', 'a/b c');
    const line = await logIn(`${scene.url.replace('http', 'ws')}/ws`, 'ben', await tokenOf('ben'));
    await line.ask({ t: 'sub', c: 'ops:a%2Fb%20c' });
    expect(await anna.next('user-joined')).toMatchObject([{ userId: 'anna' }, {}]);
    expect(await anna.next('user-joined')).toEqual([
      { userId: 'ben', name: 'ben by name' },
      { documentId: 'a/b c' },
    ]);
    await line.ask({ t: 'pub', c: 'ops:a%2Fb%20c', d: { by: 'ben' } });
    expect(await anna.next('remote-edit')).toMatchObject([{ userId: 'ben', operation: { by: 'ben' } }, {}]);
    await anna.ask('edit-operation', { documentId: 'a/b c', operation: { by: 'anna' } });
    await line.next('p');
    expect(await line.next('p')).toMatchObject({ by: 'anna', d: { by: 'anna' }, o: 2 });
    await scene.server.publish('ops:{id}', { id: 'a/b c' }, 'the server');
    expect(await anna.next('remote-edit')).toMatchObject([{ userId: null, operation: 'the server' }, {}]);
    line.socket.terminate();
  });

  it('a user with two tabs joins once and leaves with the last, and each tab is told what the other does', async () => {
    const [watcher, one, two] = [
      await scene.connect('watcher'),
      await scene.connect('anna'),
      await scene.connect('anna'),
    ];
    for (const client of [watcher, one, two]) await client.ask('join-document', 'plan');
    await one.ask('edit-operation', { documentId: 'plan', operation: 'one' });
    expect(await two.next('remote-edit')).toMatchObject([{ userId: 'anna', operation: 'one' }, {}]);
    one.socket.disconnect();
    await two.ask('edit-operation', { documentId: 'plan', operation: 'two' });
    await expect.poll(() => watcher.of('remote-edit').length).toBe(2);
    expect(watcher.of('user-left')).toEqual([]);
    two.socket.disconnect();
    expect(await watcher.next('user-left')).toMatchObject([{ userId: 'anna' }, {}]);
    expect(watcher.of('user-joined')).toHaveLength(2);
  });
});
