import { describe, expect, it } from 'vitest';
import type { ModelSession } from './model-server.ts';
import { type LadderScene, ladderScene } from './ladder-scene.ts';

/** The module with the ways is loaded by `import()`, which no virtual clock governs. */
await import('../../src/transports/ladder.ts');

async function until(scene: LadderScene, holds: () => boolean, mostMs = 60_000): Promise<void> {
  for (let ms = 0; !holds(); ms += 50) {
    if (ms > mostMs)
      throw new Error(
        `not within ${mostMs} ms: ${JSON.stringify(scene.told.slice(-6))} ${scene.network.asked.join()}`,
      );
    await scene.clock.advance(50);
  }
}

const isOn = (scene: LadderScene, transport: string) => (): boolean =>
  scene.client.connection.transport === transport;

async function published(scene: LadderScene, data: unknown): Promise<void> {
  const done = scene.client.stream('chat:1').publish(data);
  await scene.clock.advance(1_000);
  await done;
}

/** The session that the client has. A login whose answer was kept back began another, which its grace ends. */
function sessionOf(scene: LadderScene): ModelSession {
  return scene.network.server.sessions.find(({ id }) => id === scene.client.session)!;
}

/** From nothing to a connection by this way. */
async function settledOn(scene: LadderScene, transport: 'websocket' | 'sse' | 'longpoll'): Promise<void> {
  const { between } = scene.network;
  between.upgrade = transport === 'websocket' ? 'pass' : 'refuse';
  between.buffer = transport === 'longpoll';
  await until(scene, isOn(scene, transport));
}

describe('a page behind a proxy', () => {
  it('uses WebSocket alone, where that works, and stores and asks nothing', async () => {
    const scene = ladderScene();
    await until(scene, isOn(scene, 'websocket'));
    await scene.clock.advance(300_000);
    expect(new Set(scene.network.asked)).toEqual(new Set(['websocket']));
    expect([...scene.storage.keys()]).toEqual([]);
    scene.client.disconnect();
  });

  it.each(['refuse', 'hang', 'swallow'] as const)(
    'falls back to a stream where upgrades %s',
    async (upgrade) => {
      const scene = ladderScene();
      scene.network.between.upgrade = upgrade;
      await until(scene, isOn(scene, 'sse'), 20_000);
      await published(scene, 1);
      expect(scene.seen).toEqual([1]);
      scene.client.disconnect();
      expect(scene.timers()).toBe(0);
      expect(scene.reported).toEqual([]);
    },
  );

  it('does not wait for a WebSocket that it has opened meanwhile, once it is known that they are swallowed', async () => {
    const scene = ladderScene();
    const { between, asked } = scene.network;
    between.upgrade = 'swallow';
    // The pause between two attempts is over before the server has said by HTTP that it is there.
    between.holdAnswersMs = 2_000;
    await until(scene, () => asked.includes('sse'), 13_000);
    expect(asked.filter((way) => way === 'websocket')).toHaveLength(2);
    between.holdAnswersMs = 0;
    await until(scene, isOn(scene, 'sse'), 3_000);
    await published(scene, 1);
    expect(scene.seen).toEqual([1]);
    scene.client.disconnect();
    expect(scene.timers()).toBe(0);
  });

  it('falls back to long polls where streams are kept back too', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'longpoll');
    await published(scene, 'ü');
    expect(scene.seen).toEqual(['ü']);
    scene.client.disconnect();
    await scene.clock.advance(0);
    expect(scene.timers()).toBe(0);
  });

  it('where answers cannot be read as they come, no stream is tried', async () => {
    const scene = ladderScene({ platform: { streams: false } });
    scene.network.between.upgrade = 'refuse';
    await until(scene, isOn(scene, 'longpoll'));
    expect(scene.network.asked).not.toContain('sse');
    scene.client.disconnect();
  });

  it('tries the ways that the app names, and no others', async () => {
    const scene = ladderScene({ client: { transports: ['longpoll'] } });
    await until(scene, isOn(scene, 'longpoll'));
    await scene.clock.advance(100_000);
    expect(new Set(scene.network.asked)).toEqual(new Set(['longpoll']));
    scene.client.disconnect();
  });

  it('begins where an earlier page got through, and forgets it after a night and with the network', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'longpoll');
    scene.network.asked.length = 0;
    await scene.reload();
    await until(scene, isOn(scene, 'longpoll'));
    expect(scene.network.asked[0], 'the first attempt').toBe('longpoll');
    expect(sessionOf(scene).logins, 'the session of before').toBe(2);

    scene.client.disconnect();
    await scene.clock.advance(13 * 60 * 60_000);
    scene.network.asked.length = 0;
    await scene.reload();
    await until(scene, isOn(scene, 'longpoll'));
    expect(scene.network.asked[0]).toBe('websocket');

    scene.tell('moved');
    expect([...scene.storage.keys()].filter((key) => key.includes('way'))).toEqual([]);
    scene.client.disconnect();
  });
});

describe('a server that is down', () => {
  it('is not taken for a proxy: WebSocket is tried, ever more seldom, and nothing else is loaded', async () => {
    const scene = ladderScene();
    scene.network.between.down = true;
    await scene.clock.advance(300_000);
    const upgrades = scene.network.asked.filter((way) => way === 'websocket').length;
    expect(upgrades).toBeGreaterThan(10);
    expect(upgrades).toBeLessThan(60);
    expect(scene.network.asked).not.toContain('sse');
    scene.network.between.down = false;
    await until(scene, isOn(scene, 'websocket'), 25_000);
    scene.client.disconnect();
  });

  it('that restarts is met by WebSocket again, though it answers requests a moment before', async () => {
    const scene = ladderScene();
    await until(scene, isOn(scene, 'websocket'));
    await scene.clock.advance(100_000);
    scene.network.between.upgrade = 'refuse';
    scene.network.cut();
    await scene.clock.advance(1_000);
    scene.network.between.upgrade = 'pass';
    await until(scene, isOn(scene, 'websocket'), 25_000);
    expect(scene.network.asked).not.toContain('sse');
    scene.client.disconnect();
  });

  it('behind which every way fails is tried from the top, with the usual pauses', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'sse');
    scene.network.between.down = true;
    scene.network.cut();
    await scene.clock.advance(120_000);
    scene.network.between.down = false;
    scene.network.between.upgrade = 'pass';
    await until(scene, isOn(scene, 'websocket'), 120_000);
    expect(scene.network.asked.length).toBeLessThan(80);
    expect(sessionOf(scene).logins).toBeGreaterThan(1);
    scene.client.disconnect();
  });
});

describe('something else that answers requests', () => {
  it.each([
    { status: 404, json: { code: 'NOT_FOUND', message: 'no such route' } },
    { status: 503, json: { code: 'SERVICE_UNAVAILABLE' } },
    { status: 200, json: { code: 'ok' } },
  ])(
    'with $json is not taken for the server while that is down: WebSocket is there again',
    async (stranger) => {
      const scene = ladderScene();
      await until(scene, isOn(scene, 'websocket'));
      scene.network.between.upgrade = 'refuse';
      scene.network.between.stranger = stranger;
      scene.network.cut();
      await scene.clock.advance(120_000);
      expect(scene.network.asked, 'no way was tried that cannot be').not.toContain('sse');
      scene.network.between.upgrade = 'pass';
      await until(scene, isOn(scene, 'websocket'), 60_000);
      scene.client.disconnect();
    },
  );

  it.each([
    { status: 404, json: { code: 'NOT_FOUND' } },
    { status: 503, json: { code: 'SERVICE_UNAVAILABLE' } },
  ])('with $json on a lesser way that it is on keeps the client from no other', async (stranger) => {
    const scene = ladderScene();
    await settledOn(scene, 'sse');
    scene.network.between.stranger = stranger;
    scene.network.between.upgrade = 'pass';
    scene.network.cut();
    await until(scene, isOn(scene, 'websocket'), 120_000);
    scene.client.disconnect();
  });

  it.each([{}, null, 5, 'ok', { status: 'maintenance' }, { k: 'x' }, { k: 0, ms: [] }])(
    '[HTTP5] with %j on a poll is not asked in a circle, and costs no more than the line',
    async (json) => {
      const scene = ladderScene();
      await settledOn(scene, 'longpoll');
      scene.network.asked.length = 0;
      scene.network.between.stranger = { status: 200, json };
      scene.network.cut();
      await scene.clock.advance(10_000);
      expect(scene.network.asked.length).toBeLessThan(60);
      scene.network.between.stranger = null;
      await until(scene, () => scene.client.connection.status === 'connected', 60_000);
      await published(scene, 1);
      expect(scene.seen).toEqual([1]);
      scene.client.disconnect();
      await scene.clock.advance(1_000);
      expect(scene.timers()).toBe(0);
    },
  );

  it('[HTTP5] with the poll that waits ends as soon as it is answered by a stranger: not at the next heartbeat', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'longpoll');
    scene.told.length = 0;
    scene.network.between.stranger = { status: 200, json: null };
    // What ends the waiting poll brings the next one to the stranger.
    scene.network.server.publish('x');
    await scene.clock.advance(100);
    expect(scene.told[0]).toMatchObject({ status: 'disconnected', reason: 'line_lost' });
    scene.client.disconnect();
  });
});

describe('an answer that comes late', () => {
  it('does not speak against a way that works meanwhile', async () => {
    const scene = ladderScene();
    scene.network.between.upgrade = 'refuse';
    await scene.clock.advance(6);
    // The server is asked whether it is there, and is slow to say so.
    expect(scene.network.asked).toEqual(['websocket', 'longpoll']);
    scene.network.between.upgrade = 'pass';
    scene.network.between.holdAnswersMs = 5_000;
    await until(scene, isOn(scene, 'websocket'), 3_000);
    await scene.clock.advance(100_000);
    scene.network.asked.length = 0;
    scene.network.cut();
    await until(scene, isOn(scene, 'websocket'), 3_000);
    expect(scene.network.asked).toEqual(['websocket']);
    scene.client.disconnect();
  });
});

describe('[RES3] a page on a lesser way', () => {
  it('climbs when the better one works, and the app sees nothing of it but the name', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'longpoll');
    const states: string[] = [];
    scene.client.stream('chat:1').onState(({ status }) => void states.push(status));
    await scene.clock.advance(100);
    scene.told.length = 0;
    scene.network.server.publish('before');
    scene.network.between.upgrade = 'pass';
    await until(scene, isOn(scene, 'websocket'), 200_000);
    scene.network.server.publish('after');
    await scene.clock.advance(100);
    expect(scene.told).toEqual([
      { status: 'connected', reason: null, retryInMs: null, transport: 'websocket' },
    ]);
    expect(states).toEqual([]);
    expect(scene.seen).toEqual(['before', 'after']);
    expect(sessionOf(scene).logins).toBe(2);
    scene.client.disconnect();
  });

  it('climbs to a stream where only that works', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'longpoll');
    scene.network.between.buffer = false;
    await until(scene, isOn(scene, 'sse'), 200_000);
    await published(scene, 7);
    expect(scene.seen).toEqual([7]);
    scene.client.disconnect();
  });

  it('looks ever more seldom, and at once when the network is another', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'sse');
    await scene.clock.advance(60 * 60_000);
    scene.network.asked.length = 0;
    await scene.clock.advance(60 * 60_000);
    const looks = scene.network.asked.filter((way) => way === 'websocket').length;
    expect(looks).toBeGreaterThanOrEqual(4);
    expect(looks).toBeLessThanOrEqual(8);
    scene.network.between.upgrade = 'pass';
    scene.tell('moved');
    await until(scene, isOn(scene, 'websocket'), 1_000);
    scene.client.disconnect();
  });

  it('a way on which nothing comes through is not climbed to, and costs the session nothing', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'sse');
    scene.network.between.upgrade = 'swallow';
    scene.told.length = 0;
    await scene.clock.advance(20 * 60_000);
    expect(scene.network.asked.filter((way) => way === 'websocket').length).toBeGreaterThan(2);
    expect(scene.told).toEqual([]);
    expect(sessionOf(scene).logins).toBe(1);
    scene.client.disconnect();
  });

  it('one that it climbed to and that does not last is left again, and looked at ever more seldom', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'sse');
    scene.network.between.upgrade = 'pass';
    scene.network.between.cutAfterMs = 20_000;
    await scene.clock.advance(60 * 60_000);
    const drops = scene.told.filter(({ status }) => status === 'disconnected').length;
    expect(drops).toBeGreaterThan(0);
    expect(drops).toBeLessThan(15);
    scene.client.disconnect();
  });

  it('waits until no call is under way: its answer is not lost', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'sse');
    const answer = scene.client.call('slow', 1, { timeoutMs: 300_000 });
    await scene.clock.advance(100);
    scene.network.between.upgrade = 'pass';
    await scene.clock.advance(120_000);
    expect(scene.client.connection.transport).toBe('sse');
    const [call] = scene.network.server.held.calls;
    call!.line.send({ t: 'ok', i: call!.i, d: 'done' });
    expect(await answer).toBe('done');
    await until(scene, isOn(scene, 'websocket'), 120_000);
    scene.client.disconnect();
  });
});

describe('[HTTP3] [HTTP5] requests that get lost', () => {
  it.each(['sse', 'longpoll'] as const)(
    'are repeated on %s, and what they carry is taken once',
    async (way) => {
      const scene = ladderScene();
      await settledOn(scene, way);
      scene.told.length = 0;
      const { between, server } = scene.network;
      const sent: Promise<unknown>[] = [];
      for (let at = 0; at < 30; at++) {
        if (at % 5 === 0) between.loseAnswers = 2;
        if (at % 7 === 0) between.repeat = 1;
        if (at % 11 === 0) between.refuse = 1;
        sent.push(scene.client.stream('chat:1').publish(at));
        await scene.clock.advance(150);
      }
      await scene.clock.advance(20_000);
      await Promise.all(sent);
      expect(server.log).toEqual(sent.map((_, at) => at));
      expect(scene.seen).toEqual(server.log);
      expect(scene.told, 'the line lived through it').toEqual([]);
      const pubs = sessionOf(scene).heard.filter((message) => 't' in message && message.t === 'pub');
      expect(pubs, 'each was taken once').toHaveLength(30);
      scene.client.disconnect();
    },
  );
});

describe('a proxy that cuts what is idle for 10 s', () => {
  it.each(['websocket', 'longpoll'] as const)(
    'is found out on %s, and the line is kept in use',
    async (way) => {
      const scene = ladderScene();
      await settledOn(scene, way);
      scene.network.between.idleMs = 10_000;
      scene.network.cut();
      await scene.clock.advance(120_000);
      scene.told.length = 0;
      await scene.clock.advance(30 * 60_000);
      expect(scene.told, 'no drop in half an hour').toEqual([]);
      expect(scene.client.connection.transport).toBe(way);
      // Forgotten with the network.
      scene.network.between.idleMs = null;
      scene.tell('moved');
      await scene.clock.advance(60_000);
      scene.network.asked.length = 0;
      const { heard } = sessionOf(scene);
      const before = heard.length;
      await scene.clock.advance(120_000);
      expect(heard.length).toBe(before);
      expect(scene.network.asked.filter((each) => each === 'longpoll').length).toBeLessThan(16);
      scene.client.disconnect();
    },
  );

  it('a stream lives behind it by its comments', async () => {
    const scene = ladderScene();
    await settledOn(scene, 'sse');
    scene.network.between.idleMs = 10_000;
    scene.network.cut();
    await scene.clock.advance(5_000);
    scene.told.length = 0;
    await scene.clock.advance(10 * 60_000);
    expect(scene.told).toEqual([]);
    scene.client.disconnect();
  });
});

describe('[HB2] a page in the background, whose timers fire once a minute', () => {
  it.each(['websocket', 'sse', 'longpoll'] as const)(
    'keeps its line over %s: it answers messages, not timers',
    async (way) => {
      const scene = ladderScene();
      await settledOn(scene, way);
      scene.throttle();
      await scene.clock.advance(60_000);
      scene.told.length = 0;
      for (let minute = 0; minute < 30; minute++) {
        scene.network.server.publish(minute);
        await scene.clock.advance(60_000);
      }
      expect(scene.told).toEqual([]);
      expect(scene.seen).toEqual(Array.from({ length: 30 }, (_, minute) => minute));
      scene.client.disconnect();
    },
  );
});
