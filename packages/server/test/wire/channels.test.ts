import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BareClient, Wire } from './scene/bare-client.ts';
import { CHANNEL_CONFIG } from './scene/channel-config.ts';
import { openScene, type Scene } from './scene/scene.ts';

// What a client that knows only the table of messages has of channels and calls.

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(
    { CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000', CARILLON_LIMITS_MESSAGE_BURST: '1000000' },
    { configModule: CHANNEL_CONFIG },
  );
});
afterAll(() => scene.close());

/** What answers the frame, whose request id is 7; what came before it stays to be taken. */
async function reply(client: BareClient, frame: string): Promise<Wire> {
  const from = client.received.length;
  client.send(frame);
  return client.waitFor(
    `an answer to ${frame}`,
    (message) => message['i'] === 7 && client.received.indexOf(message) >= from,
  );
}

/** The offsets of publications that came, replays included, and what else did. */
function story(client: BareClient): unknown[] {
  return client
    .take()
    .filter(({ t }) => t !== 'ok')
    .flatMap((message) => {
      if (message.t === 'ps') return (message['ps'] as { o: number }[]).map(({ o }) => `replayed ${o}`);
      return message.t === 'p' ? [message['o']] : [message];
    });
}

describe('a stream', () => {
  it('[CHN4] [REC2] [PUB1] stands at offset 0 of an epoch before anything was published, and counts from 1', async () => {
    const client = await scene.logIn('counter');
    const { e, o } = await reply(client, '{"t":"sub","i":7,"c":"chat:new"}');
    expect([typeof e, o]).toEqual(['string', 0]);
    for (const at of [1, 2, 3])
      expect(await reply(client, '{"t":"pub","i":7,"c":"chat:new","d":{"text":"x"}}')).toEqual({
        t: 'ok',
        i: 7,
        e,
        o: at,
      });
    await client.settle();
    expect(story(client)).toEqual([{ t: 'join', c: 'chat:new', id: 'counter' }, 1, 2, 3]);
  });

  it('[REC1] [REC3] [REC4] a line that drops misses nothing, and is told nothing twice', async () => {
    const writer = await scene.logIn('writer');
    const reader = await scene.logIn('reader');
    const publish = (text: string): Promise<Wire> =>
      reply(writer, `{"t":"pub","i":7,"c":"kept:a","d":{"text":"${text}"}}`);
    const { e } = await reply(reader, '{"t":"sub","i":7,"c":"kept:a"}');
    await publish('1');
    await publish('2');
    await reader.waitFor('the second', ({ o, t }) => t === 'p' && o === 2);
    expect(story(reader)).toEqual([1, 2]);
    const { resumeToken } = reader;
    reader.drop();
    await publish('3');
    await publish('4');
    const again = await scene.logIn('reader', { resume: resumeToken });
    expect(await reply(again, `{"t":"sub","i":7,"c":"kept:a","e":"${String(e)}","o":2}`)).toMatchObject({
      rec: true,
      o: 4,
    });
    await publish('5');
    await again.waitFor('the fifth', ({ o, t }) => t === 'p' && o === 5);
    expect(story(again)).toEqual(['replayed 3', 'replayed 4', 5]);
  });

  it('[REC5] begins with the last so many, or with those since a time', async () => {
    const client = await scene.logIn('rewinder');
    for (const text of ['1', '2', '3'])
      await reply(client, `{"t":"pub","i":7,"c":"kept:back","d":{"text":"${text}"}}`);
    client.take();
    await reply(client, '{"t":"sub","i":7,"c":"kept:back","last":2}');
    await client.settle();
    expect(story(client)).toEqual(['replayed 2', 'replayed 3']);
    await reply(client, '{"t":"sub","i":7,"c":"kept:back","since":0}');
    await client.settle();
    expect(story(client)).toEqual(['replayed 1', 'replayed 2', 'replayed 3']);
  });

  it('[REC7] is read in pages both ways', async () => {
    const client = await scene.logIn('historian');
    for (const text of ['1', '2', '3'])
      await reply(client, `{"t":"pub","i":7,"c":"chat:past","d":{"text":"${text}"}}`);
    const read = async (fields: string): Promise<unknown> => {
      const { ps, more, o } = await reply(client, `{"t":"hist","i":7,"c":"chat:past"${fields}}`);
      return [(ps as { o: number }[]).map((item) => item.o), more ?? false, o];
    };
    const { e } = await reply(client, '{"t":"hist","i":7,"c":"chat:past"}');
    expect(await read(',"n":2')).toEqual([[1, 2], true, 3]);
    expect(await read(',"rev":true,"n":2')).toEqual([[3, 2], true, 3]);
    expect(await read(`,"e":"${String(e)}","o":2`)).toEqual([[3], false, 3]);
    expect(await read(`,"e":"${String(e)}","o":2,"rev":true`)).toEqual([[1], false, 3]);
  });

  it('[PUB3] is published to only where it stands as expected', async () => {
    const client = await scene.logIn('authority');
    const publish = (at: string): Promise<Wire> =>
      reply(client, `{"t":"pub","i":7,"c":"chat:ot","d":{"text":"x"},${at}}`);
    const { e, o } = await publish('"e":"any","o":0');
    expect(o).toBe(1);
    expect(await publish('"e":"any","o":0')).toMatchObject({ t: 'err', code: 'conflict', e, o: 1 });
    expect(await publish(`"e":"${String(e)}","o":1,"id":"a"`)).toMatchObject({ t: 'ok', o: 2 });
    expect(await publish(`"e":"${String(e)}","o":1,"id":"a"`)).toMatchObject({ t: 'ok', o: 2, dup: true });
    expect(await publish(`"e":"${String(e)}","o":1`)).toMatchObject({ t: 'err', code: 'conflict', e, o: 2 });
  });

  it('[PUB4] tells its publisher where a publication stands in place of what it holds', async () => {
    const client = await scene.logIn('quiet');
    const other = await scene.logIn('listener');
    await reply(client, '{"t":"sub","i":7,"c":"quiet:a"}');
    await reply(other, '{"t":"sub","i":7,"c":"quiet:a"}');
    client.take();
    other.take();
    await reply(client, '{"t":"pub","i":7,"c":"quiet:a","d":{"text":"x"}}');
    await client.settle();
    expect(client.take()).toContainEqual({ t: 'p', c: 'quiet:a', o: 1, own: true, i: 7 });
    const heard = await other.waitFor('the publication', ({ t }) => t === 'p');
    expect(heard).toMatchObject({ c: 'quiet:a', o: 1, by: 'quiet', d: { text: 'x' } });
    await reply(client, '{"t":"pub","i":7,"c":"quiet:a","d":{"text":"y"},"echo":true}');
    await client.settle();
    expect(client.take().filter(({ t }) => t === 'p')).toMatchObject([
      { o: 2, by: 'quiet', d: { text: 'y' } },
    ]);
  });

  it('[PUB4] [CHN5] sends its publisher what the schema made of a payload, where that is another', async () => {
    const client = await scene.logIn('filler');
    await reply(client, '{"t":"sub","i":7,"c":"filled:a"}');
    for (const d of ['{"text":"x"}', '{"lang":"fr","text":"y"}'])
      await reply(client, `{"t":"pub","i":7,"c":"filled:a","d":${d}}`);
    await client.settle();
    expect(client.take().filter(({ t }) => t === 'p')).toMatchObject([
      { o: 1, by: 'filler', d: { lang: 'en', text: 'x' } },
      { o: 2, own: true, i: 7 },
    ]);
  });

  it('[PUB6] is published to no faster than it allows', async () => {
    const client = await scene.logIn('hasty');
    const frame = '{"t":"pub","i":7,"c":"quick:a","d":{"text":"x"}}';
    await reply(client, frame);
    await reply(client, frame);
    const refused = await reply(client, frame);
    expect(refused).toMatchObject({ t: 'err', code: 'rate_limited' });
    expect(refused['retryAfterMs']).toBeGreaterThan(0);
  });
});

describe('a map', () => {
  it('[MAP1] [MAP2] [MAP3] comes in pages, changes by key, and keeps the newest version', async () => {
    const client = await scene.logIn('mapper');
    const set = (key: string, more = ''): Promise<Wire> =>
      reply(client, `{"t":"pub","i":7,"c":"board:m","k":"${key}","d":{"text":"${key}"}${more}}`);
    for (const key of ['b', 'a', 'c']) await set(key);
    expect(await set('d')).toMatchObject({ t: 'err', code: 'limit_reached' });
    const first = await reply(client, '{"t":"sub","i":7,"c":"board:m","n":2}');
    expect(first).toMatchObject({
      o: 3,
      es: [
        { k: 'a', o: 2 },
        { k: 'b', o: 1 },
      ],
      next: 'b',
    });
    const second = await reply(client, '{"t":"page","i":7,"c":"board:m","k":"b","n":2}');
    expect(second).toMatchObject({ es: [{ k: 'c', o: 3 }] });
    expect(second).not.toHaveProperty('next');
    expect(await set('a', ',"ver":5')).toMatchObject({ o: 4 });
    expect(await set('a', ',"ver":5')).toMatchObject({ t: 'ok', old: true });
    await reply(client, '{"t":"pub","i":7,"c":"board:m","k":"b","del":true}');
    await client.settle();
    const changes = client.take().filter(({ t }) => t === 'p');
    expect(changes).toMatchObject([
      { o: 4, k: 'a', ver: 5 },
      { o: 5, k: 'b', del: true },
    ]);
  });

  it('[MAP4] deletes a key that ran out by a publication of its own', async () => {
    const client = await scene.logIn('expirer');
    await reply(client, '{"t":"sub","i":7,"c":"board:ttl"}');
    await reply(client, '{"t":"pub","i":7,"c":"board:ttl","k":"a","d":{"text":"x"},"ttl":100}');
    const gone = await client.waitFor('its end', ({ del }) => del === true);
    expect(gone).toMatchObject({ t: 'p', c: 'board:ttl', o: 2, k: 'a', del: true });
    expect(gone).not.toHaveProperty('by');
  });
});

describe('what a publication answers', () => {
  const publish = (channel: string, body: object) =>
    scene.server.api('POST', `/v1/channels/${encodeURIComponent(channel)}/publications`, body);

  it('[PUB8] `ref` comes with the publication of a stream, live, replayed and in its history', async () => {
    const client = await scene.logIn('answered');
    const { e } = await reply(client, '{"t":"sub","i":7,"c":"chat:refs"}');
    expect(await publish('chat:refs', { data: { text: 'x' }, ref: 'm"1' })).toMatchObject({ status: 200 });
    const { ts, ...live } = await client.waitFor('the publication', ({ t }) => t === 'p');
    expect(live).toEqual({ t: 'p', c: 'chat:refs', o: 1, ref: 'm"1', d: { text: 'x' } });
    const item = { o: 1, ts, ref: 'm"1', d: { text: 'x' } };
    await reply(client, `{"t":"sub","i":7,"c":"chat:refs","e":"${String(e)}","o":0}`);
    expect(await client.waitFor('the replay', ({ t }) => t === 'ps')).toEqual({
      t: 'ps',
      c: 'chat:refs',
      ps: [item],
    });
    expect(await reply(client, '{"t":"hist","i":7,"c":"chat:refs"}')).toMatchObject({ ps: [item] });
    const { body } = await scene.server.api('GET', '/v1/channels/chat%3Arefs/history');
    expect(body).toMatchObject({ publications: [{ offset: 1, ref: 'm"1' }] });
  });

  it('[PUB8] with the entries of a map, and with a deletion', async () => {
    const client = await scene.logIn('mapped');
    await publish('board:refs', { key: 'a', data: { text: 'a' }, ref: 'm1' });
    await publish('board:refs', { key: 'b', data: { text: 'b' } });
    const first = await reply(client, '{"t":"sub","i":7,"c":"board:refs","n":1}');
    expect(first['es']).toEqual([
      { k: 'a', o: 1, ts: expect.any(Number) as number, ref: 'm1', d: { text: 'a' } },
    ]);
    const second = await reply(client, '{"t":"page","i":7,"c":"board:refs","k":"a"}');
    expect(second['es']).toEqual([{ k: 'b', o: 2, ts: expect.any(Number) as number, d: { text: 'b' } }]);
    await publish('board:refs', { key: 'a', del: true, ref: 'm2' });
    const gone = await client.waitFor('the deletion', ({ t, o }) => t === 'p' && o === 3);
    expect(gone).toMatchObject({ k: 'a', del: true, ref: 'm2' });
    const { body } = await scene.server.api('GET', '/v1/channels/board%3Arefs/entries');
    expect(body).toMatchObject({ entries: [{ key: 'b' }] });
  });

  it('[PUB8] is the server’s to give: that of a client is passed over, and one that is none is refused', async () => {
    const client = await scene.logIn('forger');
    await reply(client, '{"t":"sub","i":7,"c":"chat:forged"}');
    await reply(client, '{"t":"pub","i":7,"c":"chat:forged","d":{"text":"x"},"ref":"m1"}');
    expect(await client.waitFor('it', ({ t }) => t === 'p')).not.toHaveProperty('ref');
    const data = { text: 'x' };
    expect(await publish('chat:forged', { data, ref: 'r'.repeat(128) })).toMatchObject({ status: 200 });
    for (const ref of ['', 'r'.repeat(129), 'a\0', 'a\n', '\ud800', 5])
      expect(await publish('chat:forged', { data, ref })).toMatchObject({
        status: 400,
        body: { error: { code: 'bad_message' } },
      });
    expect(await publish('cursor:forged', { data: 1, ref: 'm1' })).toMatchObject({
      status: 400,
      body: { error: { code: 'kind_mismatch' } },
    });
  });
});

describe('signals and members', () => {
  it('[SIG1] [SIG2] reach who is there, the sender included; of who is invisible nobody is told', async () => {
    const alice = await scene.logIn('sig-alice');
    const bob = await scene.logIn('sig-bob');
    for (const client of [alice, bob]) await reply(client, '{"t":"sub","i":7,"c":"cursor:s"}');
    expect(await reply(alice, '{"t":"pub","i":7,"c":"cursor:s","k":"m","d":[1,2]}')).toEqual({
      t: 'ok',
      i: 7,
    });
    for (const client of [alice, bob]) {
      const { ss } = await client.waitFor('the signal', ({ t }) => t === 'sig');
      expect(ss).toMatchObject([{ by: 'sig-alice', k: 'm', d: [1, 2] }]);
      client.take();
    }
    await reply(alice, '{"t":"statusUpdate","i":7,"s":"Invisible"}');
    expect(await reply(alice, '{"t":"pub","i":7,"c":"cursor:s","d":1}')).toEqual({ t: 'ok', i: 7 });
    await reply(bob, '{"t":"pub","i":7,"c":"cursor:s","d":2}');
    const { ss } = await bob.waitFor('the next signal', ({ t }) => t === 'sig');
    expect(ss).toMatchObject([{ by: 'sig-bob', d: 2 }]);
  });

  it('[MEM1] [MEM2] come and go, once for each user, and without who is invisible', async () => {
    const watcher = await scene.logIn('mem-watcher');
    // The number as it was; the own `join` comes behind it, as everybody else's does.
    expect(await reply(watcher, '{"t":"sub","i":7,"c":"chat:mem"}')).toMatchObject({ n: 0 });
    await watcher.waitFor('its own join', ({ t, id }) => t === 'join' && id === 'mem-watcher');
    watcher.take();
    const guest = await scene.logIn('mem-guest');
    expect(await reply(guest, '{"t":"sub","i":7,"c":"chat:mem"}')).toMatchObject({ n: 1 });
    await guest.waitFor('its own join', ({ t, id }) => t === 'join' && id === 'mem-guest');
    const second = await scene.logIn('mem-guest');
    expect(await reply(second, '{"t":"sub","i":7,"c":"chat:mem"}')).toMatchObject({ n: 2 });
    const hidden = await scene.logIn('mem-hidden', { s: 'Invisible' });
    expect(await reply(hidden, '{"t":"sub","i":7,"c":"chat:mem"}')).toMatchObject({ n: 2 });
    await reply(guest, '{"t":"unsub","i":7,"c":"chat:mem"}');
    expect(await reply(watcher, '{"t":"members","i":7,"c":"chat:mem"}')).toMatchObject({
      ids: ['mem-guest', 'mem-watcher'],
      n: 2,
    });
    await reply(second, '{"t":"unsub","i":7,"c":"chat:mem"}');
    await watcher.waitFor('the leave', ({ t }) => t === 'leave');
    await reply(hidden, '{"t":"statusUpdate","i":7,"s":"Online"}');
    await watcher.waitFor('the one who turned visible', ({ t, id }) => t === 'join' && id === 'mem-hidden');
    expect(story(watcher)).toEqual([
      { t: 'join', c: 'chat:mem', id: 'mem-guest' },
      { t: 'leave', c: 'chat:mem', id: 'mem-guest' },
      { t: 'join', c: 'chat:mem', id: 'mem-hidden' },
    ]);
  });
});

describe('rights', () => {
  it('[CHN3] the owner of a channel subscribes, and publishes where the contract says so', async () => {
    const client = await scene.logIn('owner');
    expect(await reply(client, '{"t":"sub","i":7,"c":"tasks:owner"}')).toMatchObject({ t: 'ok', es: [] });
    const pub = (c: string): Promise<Wire> =>
      reply(client, `{"t":"pub","i":7,"c":"${c}","k":"a","d":{"text":"x"}}`);
    expect(await pub('tasks:owner')).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(await pub('mine:owner')).toMatchObject({ t: 'ok', o: 1 });
  });

  it('[CHN7] [CHN8] an invitation brings a grant, and the grant opens what no rule does', async () => {
    const client = await scene.logIn('guest');
    await scene.server.api('PUT', `/v1/users/guest/subscriptions/${encodeURIComponent('closed:x')}`, {});
    const invitation = await client.waitFor('the invitation', ({ t }) => t === 'sub');
    expect(invitation).toMatchObject({ t: 'sub', c: 'closed:x' });
    const g = JSON.stringify(invitation['g']);
    const answer = await reply(client, `{"t":"sub","i":7,"c":"closed:x","g":${g}}`);
    expect(answer).toMatchObject({ t: 'ok', o: 0 });
    expect(answer['until']).toBeGreaterThan(0);
    await scene.server.api('DELETE', `/v1/users/guest/subscriptions/${encodeURIComponent('closed:x')}`);
    const end = await client.waitFor('the end', ({ t }) => t === 'unsub');
    expect(end).toMatchObject({ c: 'closed:x', code: 'forbidden' });
    const other = await scene.logIn('thief');
    expect(await reply(other, `{"t":"sub","i":7,"c":"closed:x","g":${g}}`)).toMatchObject({
      code: 'grant_invalid',
    });
  });
});

describe('calls', () => {
  it('[CALL1] are answered with the output, or with the app’s own error and its data', async () => {
    const client = await scene.logIn('caller');
    expect(await reply(client, '{"t":"call","i":7,"n":"double","d":4}')).toEqual({ t: 'ok', i: 7, d: 8 });
    expect(await reply(client, '{"t":"call","i":7,"n":"double","d":3}')).toMatchObject({
      t: 'err',
      code: 'call_failed',
      n: 'odd',
      d: { n: 3 },
    });
  });

  it('[CALL2] are over at the caller’s time, at the server’s where that is shorter, or when they are called off', async () => {
    const client = await scene.logIn('impatient');
    expect(await reply(client, '{"t":"call","i":7,"n":"never","ms":1}')).toMatchObject({
      code: 'deadline_exceeded',
    });
    expect(await reply(client, '{"t":"call","i":7,"n":"brief","ms":600000}')).toMatchObject({
      code: 'deadline_exceeded',
    });
    client.send('{"t":"call","i":9,"n":"never"}');
    client.send('{"t":"cancel","r":9}');
    expect(await client.waitFor('the answer', ({ i }) => i === 9)).toMatchObject({ code: 'cancelled' });
  });

  it('[CALL4] beyond 64 at once are refused, and those that ended make room', async () => {
    const client = await scene.logIn('greedy');
    for (let i = 100; i < 164; i++) client.send(`{"t":"call","i":${i},"n":"never"}`);
    const refused = await reply(client, '{"t":"call","i":7,"n":"double","d":4}');
    expect(refused).toMatchObject({ t: 'err', code: 'rate_limited' });
    client.send('{"t":"cancel","r":100}');
    await client.waitFor('its end', ({ i }) => i === 100);
    expect(await reply(client, '{"t":"call","i":7,"n":"double","d":4}')).toMatchObject({ t: 'ok', d: 8 });
  });

  it('[CALL3] [CALL5] the server calls each session of a user, and tells everyone', async () => {
    const first = await scene.logIn('called');
    const second = await scene.logIn('called');
    const asked = scene.server.api('POST', '/v1/users/called/calls/confirm', { input: 1 });
    const { i } = await first.waitFor('the call', ({ t }) => t === 'call');
    first.send(`{"t":"re","r":${String(i)},"d":"yes"}`);
    const { i: other } = await second.waitFor('the call', ({ t }) => t === 'call');
    second.send(`{"t":"re","r":${String(other)},"code":"busy","d":{"until":5}}`);
    const { body } = (await asked) as { body: { answers: { ok: boolean }[] } };
    expect(body.answers.toSorted((a, b) => Number(b.ok) - Number(a.ok))).toMatchObject([
      { ok: true, output: 'yes' },
      { ok: false, code: 'call_failed', error: 'busy', data: { until: 5 } },
    ]);
    await scene.server.api('POST', '/v1/broadcast', { name: 'news', data: { head: 'x' } });
    for (const client of [first, second])
      expect(await client.waitFor('the news', ({ t }) => t === 'msg')).toEqual({
        t: 'msg',
        n: 'news',
        d: { head: 'x' },
      });
  });
});
