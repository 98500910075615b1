import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from './scene/bare-client.ts';
import { openScene, type Scene } from './scene/scene.ts';

// Every frame that a server of these tests sends is held against messages.schema.json; `scene.close` fails on the
// first that does not fit.

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({ CARILLON_SESSIONS_GRACE_MS: '600', CARILLON_SESSIONS_HEARTBEAT_MS: '300' });
});
afterAll(() => scene.close());

const isHeartbeat = (message: Wire): boolean => message.t === 'hb';

describe('a client that knows only the table of messages', () => {
  it('[LOG4] [PRE1] [PRE2] logs in, sees friends come, change and go, and sets its own status', async () => {
    await scene.follow(['ann', 'ben'], ['ann', 'cai'], ['ben', 'ann']);
    const ann = await scene.connect();
    const { token, sync } = await ann.logIn('ann');
    expect(ann.take().map((message) => message.t)).toEqual(['token', 'sync']);
    expect(token['token']).toMatch(/^[\w.-]{22,}$/);
    expect(token['resumed']).toBe(false);
    expect(sync).toEqual({
      t: 'sync',
      users: expect.arrayContaining([
        { username: 'ben', s: 'Offline' },
        { username: 'cai', s: 'Offline' },
      ]),
    });

    const ben = await scene.connect();
    const { sync: seenByBen } = await ben.logIn('ben');
    expect(seenByBen['users']).toEqual([{ username: 'ann', s: 'Online' }]);
    await ann.waitFor('o of ben', ({ t }) => t === 'o');
    expect(ann.take()).toEqual([{ t: 'o', id: 'ben', s: 'Online' }]);

    ben.take();
    ann.send('{"t":"statusUpdate","s":"Busy","a":"Coding","p":"Müsli 🥣","l":"TS"}');
    await ben.waitFor('u of ann', ({ t }) => t === 'u');
    expect(ben.take()).toEqual([{ t: 'u', id: 'ann', s: 'Busy', a: 'Coding', p: 'Müsli 🥣', l: 'TS' }]);

    const leftAtMs = Date.now();
    ben.drop();
    const gone = await ann.waitFor('x of ben', ({ t }) => t === 'x');
    expect(ann.take()).toEqual([gone]);
    expect(gone).toEqual({ t: 'x', id: 'ben', ts: expect.any(Number) });
    expect(gone['ts']).toBeGreaterThanOrEqual(leftAtMs - 1);
  });

  it('[HB1] [HB2] stays as long as it answers hb, and only that long', async () => {
    const answering = await scene.logIn('dan');
    const silent = await scene.logIn('eve', {}, { alive: false });
    expect(await silent.closed).toEqual({ code: expect.any(Number), reason: expect.any(String) });
    expect(silent.received.map((message) => message.t)).toEqual(['token', 'sync', 'hb', 'hb', 'bye']);
    expect(silent.received.at(-1)).toMatchObject({ code: 'heartbeat_missed', advice: 'resume' });
    // The one that answers was asked as often, and once more.
    const asked = answering.received.filter(isHeartbeat).length;
    await new Promise<void>((resolve) => {
      answering.onMessage = (message) => {
        if (isHeartbeat(message) && answering.received.filter(isHeartbeat).length > Math.max(asked, 3))
          resolve();
      };
    });
    expect(answering.closedWith).toBeNull();
    expect(answering.take()).toEqual([]);
  });

  it('[HB4] a probe is echoed with its number, a bare hb is not', async () => {
    const client = await scene.logIn('fay');
    const before = client.received.length;
    client.send('{"t":"hb"}');
    await client.settle();
    expect(client.received.slice(before).filter((message) => message['at'] === undefined)).toEqual([]);
  });

  it('[LOG7] a logout is told to friends without the grace, and the connection is closed with 4205', async () => {
    await scene.follow(['gus', 'hal']);
    const gus = await scene.logIn('gus');
    const hal = await scene.logIn('hal');
    await gus.waitFor('o of hal', ({ t }) => t === 'o');
    gus.take();
    hal.send('{"t":"logout","i":7}');
    expect(await hal.closed).toMatchObject({ code: 4205 });
    expect(hal.take()).toEqual([
      { t: 'ok', i: 7 },
      expect.objectContaining({ t: 'bye', code: 'logged_out', advice: 'stop' }),
    ]);
    await gus.waitFor('x of hal', ({ t }) => t === 'x');
    const back = await scene.connect();
    const { token } = await back.logIn('hal', { resume: hal.resumeToken });
    expect(token['resumed']).toBe(false);
    expect(back.take()[0]).toMatchObject({ t: 'err', code: 'resume_failed' });
  });

  it('[RES1] [RES5] a drop and a resume are seen by nobody, and bring what was missed', async () => {
    await scene.follow(['ida', 'jon'], ['jon', 'ida']);
    const ida = await scene.logIn('ida');
    const jon = await scene.logIn('jon');
    await ida.waitFor('o of jon', ({ t }) => t === 'o');
    ida.take();
    jon.drop();
    ida.send('{"t":"statusUpdate","a":"while you were away"}');
    const back = await scene.connect();
    const { token, sync } = await back.logIn('jon', { resume: jon.resumeToken, at: jon.at });
    expect(token['resumed']).toBe(true);
    expect(sync).toEqual({
      t: 'sync',
      users: [{ username: 'ida', s: 'Online', a: 'while you were away' }],
      delta: true,
    });
    await ida.settle();
    expect(ida.take()).toEqual([]);
  });
});
