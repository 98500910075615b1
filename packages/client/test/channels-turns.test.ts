import { describe, expect, it } from 'vitest';
import type { Client } from '../src/index.ts';
import type { Peer } from './literal-server.ts';
import { shellScene } from './shell-scene.ts';

// What an app does from within its own listeners happens in the order in which it does it.

const scene = shellScene();

async function take(peer: Peer): Promise<Record<string, unknown>> {
  return JSON.parse(await peer.next()) as Record<string, unknown>;
}

/** Lets what was sent arrive: a broadcast behind it has been heard. */
async function settle(client: Client, peer: Peer): Promise<void> {
  await new Promise<void>((resolve) => {
    const off = client.onBroadcast('settled', () => {
      off();
      resolve();
    });
    peer.send('{"t":"msg","n":"settled"}');
  });
}

describe('from within a listener', () => {
  it('a channel that is given up and wanted again is subscribed anew, and can be given up later', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const chat = client.stream('chat:x');
    const live = chat.subscribe();
    peer.send(`{"t":"ok","i":${String((await take(peer))['i'])},"e":"e1","o":3}`);
    await live;
    let again: Promise<void> | null = null;
    const off = chat.onPublication(() => {
      chat.unsubscribe();
      again = chat.subscribe();
    });
    peer.send('{"t":"p","c":"chat:x","o":4,"d":1}');
    expect(await take(peer)).toMatchObject({ t: 'unsub', c: 'chat:x' });
    const sub = await take(peer);
    expect(sub).toEqual({ t: 'sub', i: sub['i'], c: 'chat:x' });
    off();
    let settled = false;
    void again!.then(() => (settled = true));
    await settle(client, peer);
    expect(settled, 'before the answer').toBe(false);
    peer.send(`{"t":"ok","i":${String(sub['i'])},"e":"e1","o":9}`);
    await again!;
    expect(chat.state.status).toBe('live');
    chat.unsubscribe();
    expect(await take(peer)).toMatchObject({ t: 'unsub', c: 'chat:x' });
    expect(chat.state.status).toBe('idle');
  });

  it('a channel that is begun anew is there once what was asked for has come', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const chat = client.stream('chat:x');
    const live = chat.subscribe();
    peer.send(`{"t":"ok","i":${String((await take(peer))['i'])},"e":"e1","o":3}`);
    await live;
    let again: Promise<void> | null = null;
    chat.onPublication(() => {
      again ??= chat.subscribe({ position: { epoch: 'e1', offset: 1 } });
    });
    peer.send('{"t":"p","c":"chat:x","o":4,"d":1}');
    const sub = await take(peer);
    expect(sub).toMatchObject({ t: 'sub', e: 'e1', o: 1 });
    let settled = false;
    void again!.then(() => (settled = true));
    await settle(client, peer);
    expect(settled, 'before the replay').toBe(false);
    peer.send(`{"t":"ok","i":${String(sub['i'])},"e":"e1","o":2,"rec":true}`);
    peer.send('{"t":"ps","c":"chat:x","ps":[{"o":2,"d":1}]}');
    await again!;
    expect(chat.position).toEqual({ epoch: 'e1', offset: 2 });
  });
});

describe('a call of the server', () => {
  it('[CALL3] that an earlier line asked is not answered in place of one with the same number', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const answers: ((value: string) => void)[] = [];
    const asked = Promise.withResolvers<void>();
    const askedAgain = Promise.withResolvers<void>();
    client.onCall('confirm', () => {
      const answer = new Promise<string>((resolve) => answers.push(resolve));
      (answers.length === 1 ? asked : askedAgain).resolve();
      return answer;
    });
    peer.send('{"t":"call","i":1,"n":"confirm","d":"Keep it?"}');
    await asked.promise;
    peer.cut();
    const next = await scene.server.peer();
    await next.next();
    next.send(
      '{"t":"token","token":"r2","session":"s_2","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}',
      '{"t":"sync","users":[]}',
      '{"t":"call","i":1,"n":"confirm","d":"Delete it?"}',
    );
    await askedAgain.promise;
    answers[0]!('yes');
    await settle(client, next);
    answers[1]!('no');
    expect(await next.next()).toBe('{"t":"re","r":1,"d":"no"}');
  });

  it('[CALL3] whose error cannot be written as JSON is answered all the same', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    client.onCall('confirm', (_, { fail }) => fail('busy', 1n));
    peer.send('{"t":"call","i":1,"n":"confirm"}');
    expect(await peer.next()).toBe('{"t":"re","r":1,"code":"internal"}');
    expect(scene.reported).toHaveLength(1);
  });
});
