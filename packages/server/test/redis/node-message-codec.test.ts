import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeNodeMessage,
  encodeNodeMessage,
  publicationTail,
} from '../../src/adapters/redis/node-message-codec.ts';
import { toldText } from '../../src/adapters/redis/log-text.ts';
import { loadScript } from '../../src/adapters/redis/script.ts';
import type { NodeMessage } from '../../src/ports/broker.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';

const PAYLOADS = ['null', '"x\\ny"', '{\n  "pretty": true\n}', '[1,2]', '"\u2028💚"'];
const NAMES = ['a', 'auth0|{1}%', '"\\\n', 'x\u2028💚', ''];

const name = fc.constantFrom(...NAMES);
const payload = fc.constantFrom(...PAYLOADS);
const nameOrNull = fc.option(name);
const whole = fc.nat(Number.MAX_SAFE_INTEGER);

/** Each kind with its topic. */
const messages: fc.Arbitrary<{ topic: string; message: NodeMessage }> = fc.oneof(
  fc
    .record({
      channel: name,
      epoch: fc.constantFrom('e1', 'Zx-9_'),
      publication: fc.record({
        offset: whole,
        atMs: whole,
        by: nameOrNull,
        data: fc.option(payload),
        key: nameOrNull,
        version: fc.option(whole),
        ref: nameOrNull,
      }),
      silent: fc.option(fc.record({ session: name, request: fc.option(whole) })),
      eventMs: fc.option(whole),
    })
    .map((fields) => ({
      topic: `channel:${fields.channel}`,
      message: { kind: 'publication', ...fields } as const,
    })),
  fc
    .record({ channel: name, session: name, by: nameOrNull, key: nameOrNull, data: payload })
    .map((fields) => ({
      topic: `channel:${fields.channel}`,
      message: { kind: 'signal', ...fields } as const,
    })),
  fc
    .record({ channel: name, user: name, joined: fc.boolean(), version: whole, prev: whole })
    .map((fields) => ({
      topic: `channel:${fields.channel}`,
      message: { kind: 'member', ...fields } as const,
    })),
  fc
    .record({
      channel: name,
      node: name,
      items: fc.array(fc.record({ client: whole, clock: whole, user: name, state: fc.option(payload) }), {
        maxLength: 5,
      }),
      all: fc.boolean(),
      ask: fc.boolean(),
    })
    .map((fields) => ({
      topic: `channel:${fields.channel}`,
      message: { kind: 'awareness', ...fields } as const,
    })),
  fc
    .record({ name, data: payload })
    .map((fields) => ({ topic: 'everyone', message: { kind: 'broadcast', ...fields } as const })),
  fc
    .record({
      user: name,
      reason: fc.constantFrom('user_erased', 'logged_out', 'revoked'),
      tokenId: nameOrNull,
    })
    .map((fields) => ({ topic: 'inbox:x', message: { kind: 'end', ...fields } as NodeMessage })),
  fc
    .record({ user: name, channel: name, grant: nameOrNull })
    .map((fields) => ({ topic: 'inbox:x', message: { kind: 'subscription', ...fields } as const })),
  fc
    .record({ user: name, session: name, generation: whole })
    .map((fields) => ({ topic: 'inbox:x', message: { kind: 'taken', ...fields } as const })),
  fc
    .record({ user: name, device: name })
    .map((fields) => ({ topic: 'node:x', message: { kind: 'status', ...fields } as const })),
  fc
    .record({ from: name, id: whole, request: fc.jsonValue() })
    .map((fields) => ({ topic: 'node:x', message: { kind: 'ask', ...fields } as const })),
  fc
    .record({ id: whole, answer: fc.jsonValue() })
    .map((fields) => ({ topic: 'node:x', message: { kind: 'answer', ...fields } as const })),
  fc
    .record({ node: name, joined: fc.boolean() })
    .map((fields) => ({ topic: 'everyone', message: { kind: 'node', ...fields } as const })),
  fc
    .record({ viewer: name, user: name })
    .map((fields) => ({ topic: 'presence:x', message: { kind: 'edge', ...fields } as const })),
  fc
    .record({ user: name })
    .map((fields) => ({ topic: 'inbox:x', message: { kind: 'roster', ...fields } as const })),
  fc
    .record({
      prev: whole,
      record: fc.record({
        user: name,
        version: whole,
        s: fc.constantFrom('Online', 'Away', 'Busy', 'Offline'),
        fields: fc.dictionary(fc.constantFrom('a', 'p', 'l'), name, { noNullPrototype: true }),
        lastSeenMs: fc.option(whole),
      }),
    })
    .map((fields) => ({ topic: 'presence:x', message: { kind: 'presence', ...fields } as NodeMessage })),
);

describe('messages between nodes as text', () => {
  it('every message comes out as it went in', () => {
    fc.assert(
      fc.property(messages, ({ topic, message }) => {
        // What JSON itself makes of it: -0 and the like in what is asked and answered.
        const expected = JSON.parse(JSON.stringify(message)) as NodeMessage;
        expect(decodeNodeMessage(topic, encodeNodeMessage(message))).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('a payload is neither escaped nor parsed: what is no JSON comes through as well', () => {
    const data = '{"a":\n "\\u0041" ,not json';
    const text =
      '{"kind":"publication","epoch":"e","offset":7,"at":5,"by":"bob","ref":"m1","key":"k","version":3,"silent":["s",null],"event":4}\n' +
      data;
    const message: NodeMessage = {
      kind: 'publication',
      channel: 'chat:1',
      epoch: 'e',
      publication: { offset: 7, atMs: 5, by: 'bob', data, key: 'k', version: 3, ref: 'm1' },
      silent: { session: 's', request: null },
      eventMs: 4,
    };
    expect(encodeNodeMessage(message)).toBe(text);
    expect(decodeNodeMessage('channel:chat:1', text)).toEqual(message);
  });

  it('states of awareness follow each other, told apart by their lengths', () => {
    const text =
      '{"kind":"awareness","node":"n1","items":[[7,1763715600000,"ann",7],[8,5,"bob",-1],[9,6,"cat",2]],"all":true}\n{"x":1}{}';
    const message: NodeMessage = {
      kind: 'awareness',
      channel: 'doc:1',
      node: 'n1',
      items: [
        { client: 7, clock: 1_763_715_600_000, user: 'ann', state: '{"x":1}' },
        { client: 8, clock: 5, user: 'bob', state: null },
        { client: 9, clock: 6, user: 'cat', state: '{}' },
      ],
      all: true,
      ask: false,
    };
    expect(encodeNodeMessage(message)).toBe(text);
    expect(decodeNodeMessage('channel:doc:1', text)).toEqual(message);
    for (const damaged of [
      text.slice(0, -1),
      `${text}}`,
      text.replace(',7]', ',-2]'),
      text.replace(',7]', ',0]'),
      text.replace('[7,', '[-7,'),
      text.replace('"ann"', 'null'),
      text.replace('"all":true', '"all":1'),
    ])
      expect(decodeNodeMessage('channel:doc:1', damaged), damaged).toBeNull();
    expect(decodeNodeMessage('inbox:x', text)).toBeNull();
  });

  it('fields that another version added are ignored', () => {
    expect(decodeNodeMessage('inbox:a', '{"kind":"roster","user":"a","since":2}')).toEqual({
      kind: 'roster',
      user: 'a',
    });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"kind":"roster","user":'],
    ['no object', '[1]'],
    ['null', 'null'],
    ['a kind that is not known', '{"kind":"levitate","user":"a"}'],
    ['a kind of every object', '{"kind":"constructor"}'],
    ['a field that is missing', '{"kind":"taken","user":"a","session":"s"}'],
    ['a field of another type', '{"kind":"taken","user":"a","session":"s","generation":"1"}'],
    ['a number that is not exact', '{"kind":"taken","user":"a","session":"s","generation":9007199254740993}'],
    ['a negative one', '{"kind":"answer","id":-1}'],
    ['a reason that is not known', '{"kind":"end","user":"a","reason":"bored","tokenId":null}'],
    [
      'a status that is not known',
      '{"kind":"presence","prev":1,"record":{"user":"a","version":2,"s":"Invisible","fields":{}}}',
    ],
    [
      'a field that is no text',
      '{"kind":"presence","prev":1,"record":{"user":"a","version":2,"s":"Busy","fields":{"a":1}}}',
    ],
    ['a publication on the topic of a user', '{"kind":"publication","epoch":"e","offset":1,"at":1}\n1'],
    ['a broadcast without payload', '{"kind":"broadcast","name":"n"}'],
    ['a newline first', '\n{"kind":"roster","user":"a"}'],
  ])('%s is dropped', (_what, text) => {
    expect(decodeNodeMessage('inbox:a', text)).toBeNull();
  });

  it('no text makes it throw', () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.string({ maxLength: 3 }), ({ topic, message }, at, put) => {
        const text = encodeNodeMessage(message);
        const cut = at % (text.length + 1);
        const damaged = text.slice(0, cut) + put + text.slice(cut + 1);
        const decoded = decodeNodeMessage(topic, damaged);
        if (decoded !== null) expect(typeof decoded.kind).toBe('string');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('messages that scripts put together', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  const lua = (call: string): string =>
    loadShared('publication-message', 'presence-message', 'member-message', 'taken-message') +
    `return ${call}`;
  const run = async (call: string, ...args: string[]): Promise<string> =>
    String(await server.run('EVAL', lua(call), '0', ...args));

  it.each(NAMES)('are read as what nodes send themselves: %j', async (user) => {
    const publication = {
      atMs: 1_700_000_000_123,
      by: user,
      data: '{\n"a":1}',
      key: user,
      version: 4,
      ref: user,
    };
    const silent = { session: user, request: 8 };
    const published = await run(
      'publication_message(ARGV[1], 9007199254740991, ARGV[2], ARGV[3])',
      'e1',
      publicationTail(publication, toldText({ silent, eventMs: 1_700_000_000_001 })),
      publication.data,
    );
    const notice: NodeMessage = {
      kind: 'publication',
      channel: 'c',
      epoch: 'e1',
      publication: { ...publication, offset: Number.MAX_SAFE_INTEGER },
      silent,
      eventMs: 1_700_000_000_001,
    };
    expect(published).toBe(encodeNodeMessage(notice));

    const ranOut = await run('deletion_message(ARGV[1], 12, ARGV[2], ARGV[3])', 'e1', '1700000000123', user);
    expect(decodeNodeMessage('channel:c', ranOut)).toEqual({
      kind: 'publication',
      channel: 'c',
      epoch: 'e1',
      publication: {
        offset: 12,
        atMs: 1_700_000_000_123,
        by: null,
        data: null,
        key: user,
        version: null,
        ref: null,
      },
      silent: null,
      eventMs: null,
    });

    const record = {
      user,
      version: 1_700_000_000_000_002,
      s: 'Busy',
      fields: { a: user },
      lastSeenMs: null,
    } as const;
    const presence = await run('presence_message(1700000000000001, ARGV[1])', JSON.stringify(record));
    expect(presence).toBe(encodeNodeMessage({ kind: 'presence', prev: 1_700_000_000_000_001, record }));

    const member = await run('member_message(ARGV[1], false, 1700000000000002, 0)', JSON.stringify(user));
    expect(member).toBe(
      encodeNodeMessage({
        kind: 'member',
        channel: 'c',
        user,
        joined: false,
        version: 1_700_000_000_000_002,
        prev: 0,
      }),
    );

    const taken = await run('taken_message(ARGV[1], ARGV[1], ARGV[2])', JSON.stringify(user), '3');
    expect(taken).toBe(encodeNodeMessage({ kind: 'taken', user, session: user, generation: 3 }));
  });
});

function loadShared(...names: string[]): string {
  return loadScript(names.at(-1)!, names.slice(0, -1)).lua;
}
