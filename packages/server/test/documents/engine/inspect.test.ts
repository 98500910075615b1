import * as encoding from 'lib0/encoding';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { inspectUpdate } from '../../../src/adapters/yjs/inspect.ts';

const EMPTY = [0, 0];

/** A root text "t" that client 1 began with "a": one item, no deletions. */
const TYPED = [1, 1, 1, 0, 0x04, 1, 1, 0x74, 1, 0x61, 0];

function inspect(...bytes: readonly number[]): ReturnType<typeof inspectUpdate> {
  return inspectUpdate(Uint8Array.from(bytes));
}

function detailOf(...bytes: readonly number[]): string | undefined {
  const inspected = inspect(...bytes);
  return inspected.ok ? undefined : inspected.detail;
}

/** An update that brings one item of client 1 in the root text "t". */
function withContent(ref: number, ...content: readonly number[]): number[] {
  return [1, 1, 1, 0, ref, 1, 1, 0x74, ...content, 0];
}

function repeat(times: number, unit: readonly number[]): number[] {
  return Array.from({ length: times }, () => unit).flat();
}

/** 2^53 - 1 and beyond, as numbers of variable length. */
const LARGEST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
const TOO_LARGE = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];

describe('[DOC4] inspection of one update', () => {
  it('tells what it brings, and that nothing else is needed', () => {
    expect(inspect(...TYPED)).toEqual({
      ok: true,
      content: { brings: [{ client: 1, from: 0, to: 1 }], needs: new Map(), deletes: false },
    });
    expect(inspect(...EMPTY)).toEqual({
      ok: true,
      content: { brings: [], needs: new Map(), deletes: false },
    });
  });

  it('tells the neighbours, the parent and the deletions that must be there, and not what it brings itself', () => {
    // Client 2 goes on at 5, between clock 3 of client 1 and clock 8 of client 3, and deletes [2,4) of 1 and [5,7) of 2.
    const between = [1, 1, 2, 5, 0xc4, 1, 3, 3, 8, 1, 0x61];
    expect(inspect(...between, 2, 1, 1, 2, 2, 2, 1, 5, 2)).toEqual({
      ok: true,
      content: {
        brings: [{ client: 2, from: 5, to: 6 }],
        needs: new Map([
          [1, 4],
          [3, 9],
          [2, 7],
        ]),
        deletes: true,
      },
    });
    const inside = [1, 1, 2, 0, 0x04, 0, 9, 4, 1, 0x61, 0];
    expect(inspect(...inside)).toMatchObject({ ok: true, content: { needs: new Map([[9, 5]]) } });
  });

  it('counts texts in UTF-16 units', () => {
    const text = new TextEncoder().encode('é你💚');
    expect(inspect(...withContent(4, text.length, ...text))).toMatchObject({
      ok: true,
      content: { brings: [{ client: 1, from: 0, to: 4 }] },
    });
  });

  it.each([
    ['nothing at all', []],
    ['no deletions', [0]],
    ['a struct less than it says', [1, 2, ...TYPED.slice(2)]],
    ['a text that ends behind it', withContent(4, 9, 0x61)],
  ])('refuses what is cut off: %s', (_what, bytes) => {
    expect(detailOf(...bytes)).toBe('it ends too early');
  });

  it.each([
    ['bytes behind it', [...TYPED, 0], 'something follows it'],
    ['a gap inside', [1, 1, 1, 0, 10, 5, 0], 'it leaves something out'],
    ['a gap with flags', [1, 1, 1, 0, 0x8a, 1, 0, 5, 0], 'it leaves something out'],
    ['a client id twice', [2, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0], 'client ids are out of order'],
    ['client ids that ascend', [2, 1, 1, 0, 0, 1, 1, 2, 0, 0, 1, 0], 'client ids are out of order'],
    ['a content that is none', withContent(11, 1), 'an item is of no known kind'],
    ['a type that is none', withContent(7, 7), 'a type is unknown'],
    ['an empty text', withContent(4, 0), 'an item is empty'],
    ['an empty list', withContent(8, 0), 'an item is empty'],
    ['an empty run', [1, 1, 1, 0, 0, 0, 0], 'a run is empty'],
    [
      'a parent that is neither',
      [1, 1, 1, 0, 4, 2, 1, 0x74, 1, 0x61, 0],
      'a parent is neither a name nor an id',
    ],
    [
      'itself as a neighbour',
      [1, 1, 1, 5, 0x84, 1, 5, 1, 0x61, 0],
      'an item builds on a later one of its own client id',
    ],
    [
      'itself as a parent',
      [1, 1, 1, 0, 4, 0, 1, 0, 1, 0x61, 0],
      'an item builds on a later one of its own client id',
    ],
    ['text that is not UTF-8', withContent(4, 2, 0xc3, 0x28), 'a text is not UTF-8'],
    ['half a pair in UTF-8', withContent(4, 3, 0xed, 0xa0, 0x80), 'a text is not UTF-8'],
    ['an embed that is not JSON', withContent(5, 1, 0x7b), 'a value is not JSON'],
    ['an embed of nothing', withContent(5, 0), 'a value is not JSON'],
    ['a format that is not JSON', withContent(6, 1, 0x62, 2, 0x74, 0x72), 'a value is not JSON'],
    ['a value of no type', withContent(8, 1, 115), 'a value is of no known type'],
    [
      'a sub-document without options',
      withContent(9, 1, 0x67, 126),
      "a sub-document's options are no object",
    ],
    [
      'a sub-document whose name is no text',
      withContent(9, 1, 0x67, 118, 1, 4, 0x67, 0x75, 0x69, 0x64, 126),
      'a sub-document has an option that is none',
    ],
    ['an empty deletion', [0, 1, 1, 1, 0, 0], 'a deletion is empty'],
    ['deletions that overlap', [0, 1, 1, 2, 0, 5, 4, 1], 'deletions are out of order'],
    [
      'deletions of one client id twice',
      [0, 2, 1, 1, 0, 1, 1, 1, 5, 1],
      'deletions of a client id come twice',
    ],
  ])('refuses %s', (_what, bytes, detail) => {
    expect(detailOf(...bytes)).toBe(detail);
  });

  it('takes clocks up to 2^53 - 1 and runs up to 2^31, and nothing beyond', () => {
    const run = [0x80, 0x80, 0x80, 0x80, 0x08];
    const longer = [0x81, 0x80, 0x80, 0x80, 0x08];
    expect(inspect(1, 1, 1, 0, 0, ...run, 0)).toMatchObject({ ok: true });
    expect(detailOf(1, 1, 1, 0, 0, ...longer, 0)).toBe('a run leaps');
    expect(inspect(...withContent(1, ...run))).toMatchObject({ ok: true });
    expect(detailOf(...withContent(1, ...longer))).toBe('a run leaps');
    expect(inspect(0, 1, 1, 1, 0, ...run)).toMatchObject({
      ok: true,
      content: { needs: new Map([[1, 2 ** 31]]) },
    });
    expect(detailOf(0, 1, 1, 1, 0, ...longer)).toBe('a deletion leaps');
    expect(detailOf(0, 1, 1, 1, ...LARGEST, 1)).toBe('a deletion leaps');
    expect(detailOf(1, 1, 1, ...LARGEST, 0, 1, 0)).toBe('a clock leaps');
    expect(inspect(1, 1, ...LARGEST, 0, 0, 1, 0)).toMatchObject({
      ok: true,
      content: { brings: [{ client: Number.MAX_SAFE_INTEGER, from: 0, to: 1 }] },
    });
    expect(detailOf(1, 1, ...TOO_LARGE, 0, 0, 1, 0)).toBe('a number is too large');
    expect(detailOf(...repeat(5_000, [0x80]), 0)).toBe('a number is too large');
  });

  it('takes values that are nested 100 deep, and none that go deeper', () => {
    const lists = (depth: number): number[] => [...repeat(depth, [117, 1]), 126];
    expect(inspect(...withContent(8, 1, ...lists(100)))).toMatchObject({ ok: true });
    expect(detailOf(...withContent(8, 1, ...lists(101)))).toBe('values are nested too deep');
    const json = (depth: number): number[] => {
      const encoder = encoding.createEncoder();
      encoding.writeVarString(encoder, `${'['.repeat(depth)}"]]\\"]"${']'.repeat(depth)}`);
      return [...encoding.toUint8Array(encoder)];
    };
    expect(inspect(...withContent(5, ...json(100)))).toMatchObject({ ok: true });
    expect(detailOf(...withContent(5, ...json(101)))).toBe('values are nested too deep');
    expect(detailOf(...withContent(2, 1, ...json(20_000)))).toBe('values are nested too deep');
  });

  it('takes types inside 500 others of the same update, and none that go deeper: Yjs would run out of stack when they are deleted', () => {
    const nested = (depth: number): Uint8Array => {
      const doc = new Y.Doc();
      doc.transact(() => {
        let inner: Y.Map<unknown> = doc.getMap('root');
        for (let i = 0; i < depth; i++) {
          const next = new Y.Map<unknown>();
          inner.set('in', next);
          inner = next;
        }
      });
      return Y.encodeStateAsUpdate(doc);
    };
    expect(inspectUpdate(nested(501))).toMatchObject({ ok: true });
    expect(inspectUpdate(nested(502))).toMatchObject({ ok: false, detail: 'types are nested too deep' });
    const wide = new Y.Doc();
    wide.transact(() => {
      for (let i = 0; i < 2_000; i++) {
        const element = new Y.XmlElement('p');
        element.insert(0, [new Y.XmlText('x')]);
        wide.getXmlFragment('root').push([element]);
      }
    });
    expect(inspectUpdate(Y.encodeStateAsUpdate(wide))).toMatchObject({ ok: true });
  });

  it('takes 10,000 sub-documents in one update, and no more', () => {
    const subDocuments = (count: number): Uint8Array => {
      const to = encoding.createEncoder();
      encoding.writeUint8Array(to, Uint8Array.of(1));
      encoding.writeVarUint(to, count);
      encoding.writeUint8Array(to, Uint8Array.of(1, 0));
      for (let i = 0; i < count; i++)
        encoding.writeUint8Array(to, Uint8Array.of(9, 1, 1, 0x74, 1, 0x67, 118, 0));
      encoding.writeVarUint(to, 0);
      return encoding.toUint8Array(to);
    };
    expect(inspectUpdate(subDocuments(10_000))).toMatchObject({ ok: true });
    expect(inspectUpdate(subDocuments(10_001))).toMatchObject({
      ok: false,
      detail: 'it has too many sub-documents',
    });
  });

  it('refuses items of two client ids that wait for one another, and takes those that take turns', () => {
    // 2:0 right of 1:0, and 1:0 right of 2:0.
    const circle = [2, 1, 2, 0, 0x84, 1, 0, 1, 0x61, 1, 1, 0, 0x84, 2, 0, 1, 0x61, 0];
    expect(detailOf(...circle)).toBe('its items wait for one another');
    // 1:0, then 2:0 right of it, then 1:1 right of 2:0, then 2:1 right of 1:1.
    const turns = [
      ...[2, 2, 2, 0, 0x84, 1, 0, 1, 0x61, 0x84, 1, 1, 1, 0x61],
      ...[2, 1, 0, 0x04, 1, 1, 0x74, 1, 0x61, 0x84, 2, 0, 1, 0x61, 0],
    ];
    expect(inspect(...turns)).toMatchObject({ ok: true, content: { needs: new Map() } });
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Uint8Array.from(turns));
    expect(doc.getText('t').toDelta()).toEqual([{ insert: 'aaaa' }]);
  });
});

describe('[DOC4] inspection of updates that decode to gigabytes', () => {
  /** How often bytes are looked at: time, without a clock. */
  function looksAt(bytes: Uint8Array): number {
    let looks = 0;
    const watched = new Proxy(bytes, {
      get(target, key) {
        if (typeof key === 'string' && key >= '0' && key < ':') looks++;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    inspectUpdate(watched);
    return looks;
  }

  const millions = [0x80, 0x80, 0x80, 0x40];
  const filled = (
    head: readonly number[],
    unit: readonly number[],
    times: number,
    tail: readonly number[],
  ): Uint8Array => Uint8Array.from([...head, ...repeat(times, unit), ...tail]);

  it.each([
    ['structs without number', Uint8Array.from([1, ...LARGEST, 1, 0, 0, 1])],
    ['client ids without number', Uint8Array.from([...LARGEST, 1, 1, 0, 0, 1])],
    ['sections of nothing', Uint8Array.from([...LARGEST, 0, 9, 0, 0, 8, 0])],
    ['values without number', Uint8Array.from(withContent(8, ...LARGEST, 127, 127))],
    ['JSON without number', Uint8Array.from(withContent(2, ...LARGEST, 1, 0x31))],
    ['a list in a list without end', Uint8Array.from(withContent(8, 1, 117, ...LARGEST, 117, ...LARGEST))],
    ['members without number', Uint8Array.from(withContent(8, 1, 118, ...LARGEST, 0, 127))],
    ['deletions without number', Uint8Array.from([0, ...LARGEST, 1, ...LARGEST, 0, 1])],
    ['a text of millions', Uint8Array.from(withContent(4, ...millions, 0x61))],
  ])('refuses %s, having looked at its bytes a few times', (_what, bytes) => {
    expect(inspectUpdate(bytes)).toMatchObject({ ok: false });
    expect(looksAt(bytes)).toBeLessThanOrEqual(4 * bytes.length);
  });

  it.each([
    ['runs', filled([1, 0x90, 0x4e, 1, 0], [0, 1], 10_000, [0])],
    ['sub-lists', filled([1, 1, 1, 0, 8, 1, 1, 0x74, 1, 117, 0x90, 0x4e], [117, 0], 10_000, [0])],
    ['maps in a root', filled([1, 0x90, 0x4e, 1, 0], [7, 1, 1, 0x74, 1], 10_000, [0])],
    [
      'deletions',
      filled(
        [0, 1, 1, 0x90, 0x4e],
        [],
        0,
        Array.from({ length: 10_000 }, (_, i) => [
          (i % 0x80) | 0x80,
          ...(i >> 7 >= 0x40 ? [0x80 | ((i >> 7) & 0x7f), 0] : [i >> 7]),
          1,
        ]).flat(),
      ),
    ],
  ])('reads ten thousand %s in a few looks a byte', (_what, bytes) => {
    expect(looksAt(bytes)).toBeLessThanOrEqual(4 * bytes.length);
  });

  it('is in no time through long chains of client ids that wait for one another', () => {
    // Each of 5,000 client ids stands right of the one below it, whose section comes last.
    const to = encoding.createEncoder();
    const count = 5_000;
    encoding.writeVarUint(to, count);
    for (let client = count; client >= 1; client--) {
      encoding.writeVarUint(to, 1);
      encoding.writeVarUint(to, client);
      encoding.writeVarUint(to, 0);
      encoding.writeUint8(to, client === 1 ? 0x04 : 0x84);
      if (client === 1) encoding.writeUint8Array(to, Uint8Array.of(1, 1, 0x74));
      else {
        encoding.writeVarUint(to, client - 1);
        encoding.writeVarUint(to, 0);
      }
      encoding.writeVarString(to, 'a');
    }
    encoding.writeVarUint(to, 0);
    const inspected = inspectUpdate(encoding.toUint8Array(to));
    expect(inspected).toMatchObject({ ok: true });
    if (inspected.ok) expect(inspected.content.brings).toHaveLength(count);
  });
});
