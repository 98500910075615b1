import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDown, decodeUp } from '../src/index.ts';

describe('decoding', () => {
  it('reads the fixed messages of a client', () => {
    for (const frame of [
      '{"t":"login","username":"alice","token":"x"}',
      '{"t":"login","username":"alice","token":"x","resume":"r","device":"d","v":1,"at":5,"s":"Away","a":"Coding"}',
      '{"t":"statusUpdate","s":"Invisible"}',
      '{"t":"statusUpdate","a":"Coding","p":"MyApp","l":"TS","i":7}',
      '{"t":"hb"}',
      '{"t":"hb","q":1}',
      '{"t":"logout"}',
      '{"t":"auth","token":"x","i":0}',
    ]) {
      expect(decodeUp(frame)).toEqual({ ok: true, message: JSON.parse(frame) });
    }
  });

  it('reads the fixed messages of a server', () => {
    for (const frame of [
      '{"t":"token","token":"r","session":"s","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}',
      '{"t":"sync","users":[{"username":"bob","s":"Online","a":"Coding","p":"MyApp","l":"TS"}]}',
      '{"t":"sync","users":[{"username":"bob","s":"Offline","ts":1}],"delta":true,"gone":["eve"]}',
      '{"t":"u","id":"bob","a":"Debugging"}',
      '{"t":"o","id":"bob","s":"Busy"}',
      '{"t":"x","id":"bob","ts":1703789400000}',
      '{"t":"x","id":"bob"}',
      '{"t":"hb","at":1}',
      '{"t":"ok","i":1}',
      '{"t":"err","code":"bad_json","m":"not JSON"}',
      '{"t":"bye","code":"draining","advice":"resume","afterMs":20}',
    ]) {
      expect(decodeDown(frame)).toEqual({ ok: true, message: JSON.parse(frame) });
    }
  });

  it.each([
    ['nothing', '', 'bad_json'],
    ['half a message', '{"t":"hb"', 'bad_json'],
    ['a list', '[{"t":"hb"}]', 'bad_json'],
    ['a number', '7', 'bad_json'],
    ['null', 'null', 'bad_json'],
    ['no type', '{}', 'bad_message'],
    ['a type that is inherited', '{"t":"constructor"}', 'unknown_type'],
    ['a message of the other direction', '{"t":"sync","users":[]}', 'unknown_type'],
    ['a login without a token', '{"t":"login","username":"alice"}', 'bad_message'],
    ['an empty user', '{"t":"login","username":"","token":"x"}', 'user_id_invalid'],
    [
      'a user of 256 characters',
      `{"t":"login","username":"${'u'.repeat(256)}","token":"x"}`,
      'user_id_invalid',
    ],
    [
      'a token of 8193 characters',
      `{"t":"login","username":"u","token":"${'x'.repeat(8193)}"}`,
      'bad_message',
    ],
    ['a request id that is no whole number', '{"t":"statusUpdate","i":1.5}', 'bad_message'],
    ['a request id beyond doubles', '{"t":"statusUpdate","i":1e300}', 'bad_message'],
    ['a status that only the server gives a meaning', '{"t":"statusUpdate","s":"online"}', 'bad_message'],
    ['null for a field', '{"t":"statusUpdate","a":null}', 'bad_message'],
    [
      'fields that only a prototype has',
      '{"t":"login","__proto__":{"username":"a","token":"b"}}',
      'bad_message',
    ],
  ])('[MSG1] [MSG2] refuses %s', (_case, frame, code) => {
    expect(decodeUp(frame)).toMatchObject({ ok: false, code });
  });

  it('at the edge of a limit a message still passes', () => {
    expect(decodeUp(`{"t":"login","username":"${'u'.repeat(255)}","token":"${'x'.repeat(8192)}"}`).ok).toBe(
      true,
    );
  });

  it('[MSG5] a refusal carries the request id where it could be read', () => {
    expect(decodeUp('{"t":"nope","i":12}')).toMatchObject({ ok: false, i: 12 });
    expect(decodeUp('{"t":"nope","i":"12"}')).not.toHaveProperty('i');
  });

  it('[MSG3] fields it does not know are ignored', () => {
    expect(decodeUp('{"t":"hb","extra":{"deep":[1,2,3]}}').ok).toBe(true);
  });

  it('[MSG1] never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), messageLike()), (text) => {
        const decoded = decodeUp(text);
        if (!decoded.ok)
          expect(['bad_json', 'bad_message', 'unknown_type', 'user_id_invalid']).toContain(decoded.code);
        decodeDown(text);
      }),
      { numRuns: 20_000 },
    );
  });
});

/** JSON objects that come close to messages. */
function messageLike(): fc.Arbitrary<string> {
  const type = fc.constantFrom('login', 'statusUpdate', 'hb', 'auth', 'logout', 'sync', '__proto__', '');
  const field = fc.constantFrom(
    't',
    'i',
    'username',
    'token',
    's',
    'a',
    'q',
    'users',
    '__proto__',
    'constructor',
  );
  return fc
    .tuple(type, fc.dictionary(field, fc.jsonValue({ maxDepth: 3 })))
    .map(([t, fields]) => JSON.stringify({ t, ...fields }));
}
