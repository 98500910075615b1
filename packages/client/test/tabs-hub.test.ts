import { describe, expect, it } from 'vitest';
import type { WebSocketLike } from '../src/platform.ts';
import { type Hub, createHub } from '../src/tabs/hub.ts';

const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000,"s":"Online"}';
const SYNC = '{"t":"sync","users":[{"username":"bob","s":"Online","a":"Coding"}]}';

type Scene = {
  readonly hub: Hub;
  /** What the hub has sent to the server since it was last asked. */
  sent(): unknown[];
  /** What a line was told since it was last asked: frames, `opened`, `closed` with its code. */
  told(line: string): unknown[];
  server(...frames: string[]): void;
  closeByServer(code: number): void;
  opensByServer(): void;
  readonly resume: { token: string | null };
  readonly clock: { nowMs: number };
  /** Answers whether it is another's session that was taken. */
  isOthers(answer: boolean): Promise<void>;
};

/** A hub over a server that is nothing but frames. */
function scene(opens = true): Scene {
  const listeners: { readonly type: string; readonly listener: (event: never) => void }[] = [];
  const emit = (type: string, event: unknown): void => {
    for (const entry of listeners) if (entry.type === type) entry.listener(event as never);
  };
  let sent: unknown[] = [];
  const told = new Map<string, unknown[]>();
  const note = (lines: readonly string[], what: unknown): void => {
    for (const line of lines) told.set(line, [...(told.get(line) ?? []), what]);
  };
  const resume = { token: null as string | null };
  const clock = { nowMs: 0 };
  let answer = (_: boolean): void => {};
  const socket: WebSocketLike = {
    send: (text) => void sent.push(JSON.parse(text as string)),
    close: () => {},
    addEventListener: (type: string, listener: (event: never) => void) =>
      void listeners.push({ type, listener }),
  };
  const hub = createHub({
    username: 'alice',
    fields: ['a', 'p', 'l'],
    first: null,
    dial(give) {
      // Another socket each time: of the former nobody hears.
      listeners.length = 0;
      give(socket);
    },
    opened: (lines) => note(lines, 'opened'),
    tell: (lines, text) => note(lines, JSON.parse(text)),
    closed: (lines, code) => note(lines, code),
    resume: {
      get: () => resume.token,
      set: (token) => {
        resume.token = token;
      },
    },
    isOthers: () => new Promise((resolve) => (answer = resolve)),
    platform: {
      nowMs: () => clock.nowMs,
      wallMs: () => 1_000,
      report: (error) => expect.unreachable(String(error)),
    },
  });
  const made: Scene = {
    hub,
    sent() {
      const list = sent;
      sent = [];
      return list;
    },
    told(line) {
      const list = told.get(line) ?? [];
      told.delete(line);
      return list;
    },
    server(...frames) {
      for (const data of frames) emit('message', { data });
    },
    closeByServer: (code) => emit('close', { code }),
    opensByServer: () => emit('open', {}),
    resume,
    clock,
    async isOthers(is) {
      answer(is);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  for (const line of ['a', 'b', 'c']) hub.open(line);
  if (opens) emit('open', {});
  return made;
}

/** The three lines are logged in, and nothing is owed to anybody. */
function liveScene(): Scene {
  const made = scene();
  for (const line of ['a', 'b', 'c']) made.hub.up(line, `{"t":"login","username":"alice","token":"x","i":2}`);
  made.server(TOKEN, SYNC);
  forget(made);
  return made;
}

function forget(made: Scene): void {
  made.sent();
  for (const line of ['a', 'b', 'c']) made.told(line);
}

/** A line has subscribed to the channel, which stands at the offset. */
function subscribed(made: Scene, line: string, offset: number): void {
  made.hub.up(line, '{"t":"sub","i":1,"c":"x"}');
  const [sub] = made.sent() as { i: number }[];
  made.server(`{"t":"ok","i":${sub!.i},"e":"e","o":${offset}}`);
  forget(made);
}

describe('the hub of a leader', () => {
  it('[LOG2] logs in once, and tells who logs in later what the server told the first', () => {
    const { hub, sent, told, server } = scene();
    hub.up('a', '{"t":"login","username":"alice","token":"x","i":2}');
    hub.up('b', '{"t":"login","username":"alice","token":"y","i":4}');
    expect(sent()).toEqual([{ t: 'login', username: 'alice', token: 'x', i: 1 }]);
    server(TOKEN);
    expect(told('b')).toEqual(['opened']);
    server(
      SYNC,
      '{"t":"u","id":"bob","a":"Tea"}',
      '{"t":"x","id":"bob","ts":5}',
      '{"t":"o","id":"eve","s":"Away"}',
    );
    expect(told('b').slice(0, 2)).toMatchObject([
      { t: 'token', token: 'r1', resumed: true },
      JSON.parse(SYNC) as object,
    ]);
    hub.up('c', '{"t":"login","username":"alice","token":"z","i":2}');
    expect(told('c').slice(-1)).toMatchObject([
      {
        t: 'sync',
        users: [
          { username: 'bob', s: 'Offline', ts: 5 },
          { username: 'eve', s: 'Away' },
        ],
      },
    ]);
    expect(sent()).toEqual([]);
  });

  it('[RES1] goes on with the newest session, whatever the first line knows of it', () => {
    const { hub, sent, server, resume } = scene();
    resume.token = 'r0';
    hub.up('a', '{"t":"login","username":"alice","token":"x","i":2,"resume":"older"}');
    expect(sent()).toEqual([{ t: 'login', username: 'alice', token: 'x', i: 1, resume: 'r0' }]);
    server('{"t":"err","code":"resume_failed","m":""}');
    expect(resume.token, 'which is gone').toBe(null);
    server(TOKEN, SYNC);
    expect(resume.token).toBe('r1');
  });

  it('[RES5] asks for what changed of the friends since it knew them, and tells every line of all of them', () => {
    const { hub, sent, told, server, closeByServer, opensByServer } = scene();
    const login = '{"t":"login","username":"alice","token":"x","i":2,"at":77}';
    hub.up('a', login);
    expect(sent(), 'what one line knows is not what the others do').toEqual([
      { t: 'login', username: 'alice', token: 'x', i: 1 },
    ]);
    server(TOKEN, SYNC, '{"t":"hb","at":9}');
    sent();
    for (const again of ['a2', 'b2']) {
      // The stamp of a token counts once the sync behind it is here.
      closeByServer(1006);
      hub.open(again);
      opensByServer();
      hub.up(again, login);
      expect(sent()).toMatchObject([{ t: 'login', at: 9, resume: 'r1' }]);
      server(TOKEN.replace('"at":1', '"at":20'));
      told(again);
    }
    hub.open('c2');
    hub.up('c2', login);
    server('{"t":"sync","users":[{"username":"eve","s":"Away"}],"gone":["dan"],"delta":true}');
    for (const line of ['b2', 'c2'])
      expect(told(line).at(-1)).toEqual({
        t: 'sync',
        users: [
          { username: 'bob', s: 'Online', a: 'Coding' },
          { username: 'eve', s: 'Away' },
        ],
      });
  });

  it('[LOG3] tells the line whose login was refused, and the others to try with their own', () => {
    const { hub, told, server, closeByServer } = scene();
    hub.up('a', '{"t":"login","username":"alice","token":"x","i":2}');
    hub.up('b', '{"t":"login","username":"alice","token":"y","i":2}');
    const bye = '{"t":"bye","code":"token_invalid","advice":"stop"}';
    server('{"t":"err","i":1,"code":"token_invalid","m":""}', bye);
    closeByServer(4200);
    expect(told('a').slice(1)).toMatchObject([{ t: 'err', i: 2 }, JSON.parse(bye) as object, 4200]);
    for (const line of ['b', 'c']) expect(told(line)).toEqual(['opened', 1006]);
  });

  it('[MSG5] numbers requests anew, and hands each answer to whoever asked', () => {
    const { hub, sent, told, server } = liveScene();
    hub.up('a', '{"t":"pub","i":1,"c":"x","d":1}');
    hub.up('b', '{"t":"pub","i":1,"c":"x","d":2}');
    const [first, second] = sent() as { i: number }[];
    expect(first!.i).not.toBe(second!.i);
    server(
      `{"t":"ok","i":${second!.i},"e":"e","o":1}`,
      `{"t":"err","i":${first!.i},"code":"forbidden","m":""}`,
    );
    expect(told('b')).toEqual([{ t: 'ok', i: 1, e: 'e', o: 1 }]);
    expect(told('a')).toEqual([{ t: 'err', i: 1, code: 'forbidden', m: '' }]);
  });

  it('[HB2] [HB4] answers the server once, and asks for each line', () => {
    const { hub, sent, told, server } = liveScene();
    server('{"t":"hb","at":9}');
    for (const line of ['a', 'b', 'c']) {
      hub.up(line, '{"t":"hb"}');
      expect(told(line)).toEqual([{ t: 'hb', at: 9 }]);
    }
    hub.up('b', '{"t":"hb","q":7}');
    const [answer, probe] = sent() as { q: number }[];
    expect(answer).toEqual({ t: 'hb' });
    server(`{"t":"hb","q":${probe!.q}}`);
    expect([told('a'), told('b')]).toEqual([[], [{ t: 'hb', q: 7 }]]);
  });

  it('[LIM1] has one large message under way, so that a refusal that names none is meant for it', () => {
    const { hub, sent, told, server } = liveScene();
    const large = (i: number): string => `{"t":"pub","i":${i},"c":"x","d":"${'x'.repeat(4_096)}"}`;
    hub.up('a', large(1));
    hub.up('b', large(1));
    hub.up('c', '{"t":"pub","i":1,"c":"x","d":"small"}');
    expect(sent()).toHaveLength(2);
    server('{"t":"err","code":"rate_limited","m":"","retryAfterMs":5}');
    expect(['a', 'b', 'c'].map((line) => told(line).length)).toEqual([1, 0, 0]);
    expect(sent(), 'the next').toHaveLength(1);
  });

  it('[CHN6] asks one `sub` of a channel at a time, and another channel meanwhile', () => {
    const { hub, sent, server } = liveScene();
    hub.up('a', '{"t":"sub","i":1,"c":"x"}');
    hub.up('b', '{"t":"sub","i":1,"c":"x"}');
    hub.up('b', '{"t":"sub","i":3,"c":"y"}');
    const asked = sent() as { c: string; i: number }[];
    expect(asked.map(({ c }) => c)).toEqual(['x', 'y']);
    server(`{"t":"ok","i":${asked[0]!.i},"e":"e","o":3}`);
    expect(sent()).toMatchObject([{ t: 'sub', c: 'x' }]);
  });

  it('[REC3] keeps what comes for a line while its `sub` is under way', () => {
    const made = liveScene();
    const { hub, sent, told, server } = made;
    subscribed(made, 'a', 3);
    hub.up('b', '{"t":"sub","i":1,"c":"x"}');
    const [sub] = sent() as { i: number }[];
    server('{"t":"p","c":"x","o":4,"ts":1,"d":4}', '{"t":"join","c":"x","id":"eve"}');
    expect(told('b')).toEqual([]);
    // It was written before the publication, and signed behind it.
    server(`{"t":"ok","i":${sub!.i},"e":"e","o":3,"n":2}`);
    expect(told('b')).toEqual([
      { t: 'ok', i: 1, e: 'e', o: 3, n: 2 },
      { t: 'p', c: 'x', o: 4, ts: 1, d: 4 },
    ]);
    expect(told('a')).toHaveLength(2);
  });

  it('[REC1] begins anew where the line furthest behind is', () => {
    const made = liveScene();
    const { hub, sent } = made;
    subscribed(made, 'a', 3);
    hub.up('b', '{"t":"sub","i":1,"c":"x","e":"e","o":9}');
    expect(sent()).toMatchObject([{ t: 'sub', e: 'e', o: 3 }]);
    subscribed(liveScene(), 'a', 3);
    const other = liveScene();
    subscribed(other, 'a', 3);
    other.hub.up('b', '{"t":"sub","i":1,"c":"x","e":"e","o":2}');
    expect(other.sent()).toMatchObject([{ t: 'sub', e: 'e', o: 2 }]);
  });

  it('[REC5] lets the others ask for what a line skips that begins further ahead', () => {
    const made = liveScene();
    const { hub, sent, told, server } = made;
    subscribed(made, 'a', 3);
    hub.up('b', '{"t":"sub","i":1,"c":"x","last":1}');
    const [sub] = sent() as { i: number }[];
    server(`{"t":"ok","i":${sub!.i},"e":"e","o":9}`);
    expect(told('a')).toEqual([{ t: 'gap', c: 'x', why: 'resync' }]);
  });

  it('[REC3] does not begin anew before a replay is there', () => {
    const made = liveScene();
    const { hub, sent, server } = made;
    subscribed(made, 'a', 3);
    hub.up('b', '{"t":"sub","i":1,"c":"x","e":"e","o":1}');
    const [sub] = sent() as { i: number }[];
    hub.up('c', '{"t":"sub","i":1,"c":"x","e":"e","o":2}');
    server(`{"t":"ok","i":${sub!.i},"e":"e","o":3,"rec":true}`);
    const [probe] = sent() as { t: string; q: number }[];
    expect(probe!.t).toBe('hb');
    server('{"t":"ps","c":"x","ps":[{"o":2,"d":2},{"o":3,"d":3}]}', `{"t":"hb","q":${probe!.q}}`);
    expect(sent()).toMatchObject([{ t: 'sub', o: 2 }]);
  });

  it('[CHN6] a `sub` that fails behind a beginning may have ended what the others have: they ask again', () => {
    const made = liveScene();
    const { hub, sent, told, server } = made;
    subscribed(made, 'a', 3);
    hub.up('b', '{"t":"sub","i":1,"c":"x","last":1}');
    const [sub] = sent() as { i: number }[];
    server(`{"t":"err","i":${sub!.i},"code":"unavailable","m":""}`);
    expect(told('a')).toEqual([{ t: 'gap', c: 'x', why: 'resync' }]);
    expect(told('b')).toMatchObject([{ t: 'err', i: 1, code: 'unavailable' }]);
  });

  it('[CHN6] answers a `sub` that was taken back before it was asked', () => {
    const { hub, sent, told, server } = liveScene();
    hub.up('a', '{"t":"sub","i":1,"c":"x"}');
    hub.up('b', '{"t":"sub","i":1,"c":"x"}');
    hub.up('b', '{"t":"unsub","i":3,"c":"x"}');
    const [sub] = sent() as { i: number }[];
    expect(told('b')).toMatchObject([
      { t: 'ok', i: 3 },
      { t: 'err', i: 1 },
    ]);
    hub.up('a', '{"t":"unsub","i":3,"c":"x"}');
    expect(sent(), 'its `sub` is on its way still').toEqual([]);
    server(`{"t":"ok","i":${sub!.i},"e":"e","o":3}`);
    expect(sent()).toMatchObject([{ t: 'unsub', c: 'x' }]);
  });

  it('[CHN6] tells all whose subscription the server ended, and subscribes anew for who asks', () => {
    const made = liveScene();
    const { hub, sent, told, server } = made;
    subscribed(made, 'a', 3);
    subscribed(made, 'b', 3);
    server('{"t":"unsub","c":"x","code":"forbidden","m":""}', '{"t":"p","c":"x","o":4,"d":4}');
    for (const line of ['a', 'b'])
      expect(told(line)).toEqual([{ t: 'unsub', c: 'x', code: 'forbidden', m: '' }]);
    hub.up('a', '{"t":"sub","i":5,"c":"x"}');
    expect(sent()).toMatchObject([{ t: 'sub', c: 'x' }]);
  });

  it('[PUB4] gives the others the payload of what comes back to its publisher without', () => {
    const made = liveScene();
    const { hub, sent, told, server } = made;
    for (const line of ['a', 'b']) subscribed(made, line, 3);
    hub.up('a', '{"t":"pub","i":5,"c":"x","k":"key","ver":2,"d":{"n":1}}');
    const [pub] = sent() as { i: number }[];
    server(`{"t":"p","c":"x","o":4,"own":true,"i":${pub!.i}}`);
    expect(told('a')).toEqual([{ t: 'p', c: 'x', o: 4, own: true, i: 5 }]);
    expect(told('b')).toEqual([{ t: 'p', c: 'x', o: 4, by: 'alice', k: 'key', ver: 2, d: { n: 1 } }]);
  });

  it('[CALL2] calls off the call of the line that says so', () => {
    const { hub, sent } = liveScene();
    for (const line of ['a', 'b']) hub.up(line, '{"t":"call","i":3,"n":"add","d":1}');
    expect(hub.busy()).toBe(true);
    const [, second] = sent() as { i: number }[];
    hub.up('b', '{"t":"cancel","r":3}');
    expect(sent()).toEqual([{ t: 'cancel', r: second!.i }]);
  });

  it('[CALL3] asks one line after the other, until one has a handler', () => {
    const { hub, sent, told, server } = liveScene();
    server('{"t":"call","i":9,"n":"confirm","d":1}');
    expect([told('a').length, told('b').length]).toEqual([1, 0]);
    hub.up('a', '{"t":"re","r":9,"code":"call_unknown"}');
    expect([sent(), told('b').length]).toEqual([[], 1]);
    hub.up('b', '{"t":"re","r":9,"d":2}');
    expect(sent()).toEqual([{ t: 're', r: 9, d: 2 }]);
    hub.up('c', '{"t":"re","r":9,"d":3}');
    expect(sent(), 'once').toEqual([]);
  });

  it('[CALL3] is not held where it is for ever by a call that nobody answers', () => {
    const { hub, server, clock } = liveScene();
    server('{"t":"call","i":9,"n":"confirm","d":1,"ms":5000}');
    clock.nowMs = 4_999;
    expect(hub.busy()).toBe(true);
    clock.nowMs = 5_000;
    expect(hub.busy()).toBe(false);
  });

  it('gives a line up that does not open, for whoever waited for too long, but not for a tab that is gone', () => {
    const opening = scene(false);
    opening.hub.leave('a', true);
    expect(opening.told('b')).toEqual([]);
    opening.hub.leave('b');
    expect(opening.told('c')).toEqual([1006]);
  });

  it('tells the others what one has set as the own status', () => {
    const { hub, sent, told, server } = liveScene();
    hub.up('a', '{"t":"statusUpdate","s":"Busy","a":"Tea","i":2}');
    const [update] = sent() as { i: number }[];
    server(`{"t":"ok","i":${update!.i}}`);
    expect(told('a')).toEqual([{ t: 'ok', i: 2 }]);
    for (const line of ['b', 'c']) expect(told(line)).toMatchObject([{ t: 'token', s: 'Busy', a: 'Tea' }]);
  });

  it.each([
    ['is told so where that is no tab', true, [{ t: 'bye', code: 'replaced', advice: 'stop' }, 4204]],
    ['goes on by the leader there is, or once more', false, [1006]],
  ])('[RES3] whose session another connection took %s', async (_, others, expected) => {
    const made = liveScene();
    made.server('{"t":"bye","code":"replaced","advice":"stop"}');
    expect(made.told('a')).toEqual([]);
    await made.isOthers(others);
    made.closeByServer(4204);
    await made.isOthers(others);
    expect(made.told('a')).toEqual(expected);
  });

  it('a line to the server that is lost is lost to all, and opened again for the first who wants it', () => {
    const made = liveScene();
    made.closeByServer(1006);
    for (const line of ['a', 'b', 'c']) expect(made.told(line)).toEqual([1006]);
    made.hub.open('b2');
    made.hub.up('a', '{"t":"hb","q":1}');
    expect(made.sent()).toEqual([]);
  });

  it('[DOC1] names the client ids of all tabs, and begins a document anew for one only when the state of another is there', () => {
    const { hub, sent, server } = liveScene();
    hub.up('a', '{"t":"sub","i":1,"c":"doc:1","sv":"AA==","cl":[11]}');
    const [first] = sent() as { i: number }[];
    expect(first).toMatchObject({ cl: [11] });
    server(`{"t":"ok","i":${first!.i},"e":"e","o":3,"role":"write","sv":"AA==","ds":1}`);
    hub.up('b', '{"t":"sub","i":5,"c":"doc:1","sv":"AA==","cl":[22,23]}');
    const [probe, ...rest] = sent() as { t: string; q: number }[];
    expect([probe!.t, rest]).toEqual(['hb', []]);
    server('{"t":"ds","c":"doc:1","i":1,"n":1,"of":1,"o":3,"d":"AAA="}', `{"t":"hb","q":${probe!.q}}`);
    expect(sent()).toMatchObject([{ t: 'sub', c: 'doc:1', sv: 'AA==', cl: [22, 23, 11] }]);
  });

  it('[DOC3] gives the other tabs what one has changed, and of an update in parts only that it was', () => {
    const made = liveScene();
    for (const line of ['a', 'b']) subscribed(made, line, 0);
    const { hub, sent, server, told } = made;
    hub.up('a', '{"t":"upd","i":7,"c":"x","d":"AAA="}');
    const [upd] = sent() as { i: number }[];
    server(`{"t":"p","c":"x","o":1,"own":true,"i":${upd!.i}}`);
    expect(told('a')).toEqual([{ t: 'p', c: 'x', o: 1, own: true, i: 7 }]);
    expect(told('b')).toEqual([{ t: 'p', c: 'x', o: 1, by: 'alice', d: 'AAA=' }]);
    hub.up('a', '{"t":"upd","i":9,"c":"x","n":2,"of":2,"d":"AAA="}');
    const [part] = sent() as { i: number }[];
    server(`{"t":"p","c":"x","o":2,"own":true,"i":${part!.i}}`);
    expect(told('b')).toMatchObject([{ t: 'p', o: 2, own: true }]);
  });

  it('[DOC6] takes the cursor of a tab that is gone back, and not those of the others', () => {
    const { hub, sent, server } = liveScene();
    for (const [line, cl] of [
      ['a', 11],
      ['b', 22],
    ] as const) {
      hub.up(line, `{"t":"sub","i":1,"c":"doc:1","sv":"AA==","cl":[${cl}]}`);
      const [sub] = sent() as { i: number }[];
      server(`{"t":"ok","i":${sub!.i},"e":"e","o":0,"role":"write","sv":"AA=="}`);
    }
    hub.leave('a', true);
    expect(sent()).toEqual([{ t: 'aw', c: 'doc:1', cl: 11, n: 1_001 }]);
  });

  it.each(['', 'x', '1', 'null', '[]', '{"t":5}', '{}'])('passes over what is no message: %s', (text) => {
    const made = liveScene();
    made.hub.up('a', text);
    made.server(text);
    made.server(
      '{"t":"p","c":"unknown","o":1}',
      '{"t":"ok","i":99}',
      '{"t":"sync"}',
      '{"t":"ps","c":"x","ps":7}',
    );
    expect(made.hub.busy()).toBe(false);
  });
});
