import fc from 'fast-check';
import { fieldsOf } from '../scene/frame-check.ts';

/** One WebSocket message that a hostile client sends. */
export type Input =
  | { readonly kind: 'text'; readonly text: string }
  /** Bytes in a text frame, most of them no UTF-8. */
  | { readonly kind: 'text-bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array };

/** Keys that every object has or that a prototype is reached by. */
const HOSTILE_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  'length',
  '',
];

const status = fc.constantFrom('Online', 'Away', 'Busy', 'Offline', 'Invisible');
const requestId = fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined });
const value = fc.oneof(fc.string({ maxLength: 140 }), fc.string({ unit: 'binary', maxLength: 20 }));

const login = fc.record(
  {
    t: fc.constant('login'),
    username: fc.string({ minLength: 1, maxLength: 12 }),
    token: fc.string({ minLength: 1, maxLength: 60 }),
    v: fc.integer({ min: 0, max: 3 }),
    device: fc.string({ minLength: 1 }),
    i: requestId,
  },
  { requiredKeys: ['t', 'username', 'token'] },
);
const logout = fc.record({ t: fc.constant('logout'), i: requestId }, { requiredKeys: ['t'] });
const auth = fc.record(
  { t: fc.constant('auth'), token: fc.string({ minLength: 1, maxLength: 60 }), i: requestId },
  { requiredKeys: ['t', 'token'] },
);
const statusUpdate = fc.record(
  { t: fc.constant('statusUpdate'), s: status, a: value, p: value, l: value, i: requestId },
  { requiredKeys: ['t'] },
);
const hb = fc.record(
  { t: fc.constant('hb'), q: fc.integer({ min: 0, max: 1_000 }) },
  { requiredKeys: ['t'] },
);

/**
 * Messages as a good client sends them; no login of theirs does, for nobody signed its token. Few of those that end a
 * connection: the next one takes as long as a hundred inputs.
 */
const good: fc.Arbitrary<object> = fc.oneof(
  { weight: 1, arbitrary: login },
  { weight: 1, arbitrary: logout },
  { weight: 6, arbitrary: auth },
  { weight: 20, arbitrary: statusUpdate },
  { weight: 12, arbitrary: hb },
);

const ofType = { login, logout, auth, statusUpdate, hb } as const;

const deepList = fc
  .integer({ min: 1, max: 4_000 })
  .map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`);

/** JSON of anything, also of what JavaScript's own serializer would never write. */
const anyJson = fc.oneof(
  { weight: 4, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: deepList },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '1e999',
      '-0',
      '9007199254740993',
      '"\\ud800"',
      '""',
      'null',
      'true',
      '{}',
      '[]',
      '{"toString":1}',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.string({ minLength: 120, maxLength: 2_000 }).map((text) => JSON.stringify(text)),
  },
);

/** A good message with one field of its type replaced by anything. */
const wrongField = fc
  .constantFrom(...(Object.keys(ofType) as (keyof typeof ofType)[]))
  .chain((t) =>
    fc.tuple(ofType[t] as fc.Arbitrary<object>, fc.constantFrom(...Object.keys(fieldsOf('up', t))), anyJson),
  )
  .map(([message, field, json]) => withField(message, field, json));

/** A good message with a field that it should not have. */
const strayField = fc
  .tuple(good, fc.oneof(fc.constantFrom(...HOSTILE_KEYS), fc.string({ maxLength: 8 })), anyJson)
  .map(([message, field, json]) => withField(message, field, json));

function withField(message: object, field: string, json: string): string {
  const others = Object.entries(message).filter(([name, each]) => name !== field && each !== undefined);
  return `{${[...others.map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`), `${JSON.stringify(field)}:${json}`].join(',')}}`;
}

/** A good message's text, torn, doubled or changed somewhere. */
const mangled = fc
  .tuple(
    good.map((message) => JSON.stringify(message)),
    fc.nat(),
    fc.nat(40),
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom('cut', 'replace', 'insert', 'double', 'end'),
  )
  .map(([text, at, length, other, way]) => {
    const from = at % (text.length + 1);
    switch (way) {
      case 'cut':
        return text.slice(0, from) + text.slice(from + length);
      case 'replace':
        return text.slice(0, from) + other + text.slice(from + other.length);
      case 'insert':
        return text.slice(0, from) + other + text.slice(from);
      case 'double':
        return text.slice(0, from) + text.slice(Math.max(0, from - length));
      default:
        return text.slice(0, from);
    }
  });

const text = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<Input> =>
  arbitrary.map((each) => ({ kind: 'text', text: each }));

/** Everything a client can send in whole frames. */
export const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 3, arbitrary: text(good.map((message) => JSON.stringify(message))) },
  { weight: 6, arbitrary: text(wrongField) },
  { weight: 3, arbitrary: text(strayField) },
  { weight: 4, arbitrary: text(mangled) },
  { weight: 2, arbitrary: text(anyJson) },
  {
    weight: 1,
    arbitrary: text(
      fc
        .tuple(fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom(...HOSTILE_KEYS)), anyJson)
        .map(([t, json]) => `{"t":${JSON.stringify(t)},"x":${json}}`),
    ),
  },
  { weight: 2, arbitrary: text(fc.string({ unit: 'binary', maxLength: 80 })) },
  {
    weight: 2,
    arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes): Input => ({ kind: 'binary', bytes })),
  },
  {
    weight: 1,
    arbitrary: text(good.map((message) => JSON.stringify(message))).map((each): Input => ({
      kind: 'binary',
      bytes: Buffer.from((each as { text: string }).text),
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ minLength: 1, maxLength: 60 })
      .map((bytes): Input => ({ kind: 'text-bytes', bytes })),
  },
);
