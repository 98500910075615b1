import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readCutBulk } from '../../../src/adapters/dapr/cut-bulk.ts';
import { fuzzSeed } from '../../wire/fuzz/seed.ts';
import { readDelivery } from '../../../src/adapters/dapr/read-delivery.ts';

const seed = fuzzSeed();
const RUNS = { numRuns: 500, ...(seed === undefined ? {} : { seed }) };

/** JSON with whatever could be taken for structure inside texts. */
const json = fc.jsonValue({
  stringUnit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ':', 'é', '🎉', 'a'),
});

it('of a bulk that is cut anywhere exactly those entries are read that are whole, and the rest begins with the next', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ entryId: fc.string(), event: json }), { maxLength: 6 }),
      fc.dictionary(fc.constantFrom('id', 'metadata', 'a', 'entriesx'), json),
      fc.boolean(),
      fc.nat(),
      (entries, others, first, at) => {
        const envelope = first ? { entries, ...others } : { ...others, entries };
        const whole = Buffer.from(JSON.stringify(envelope));
        const part = whole.subarray(0, at % (whole.length + 1));
        const read = readCutBulk(part);
        const begin = Buffer.from(JSON.stringify(first ? {} : others)).length - 1;
        const list = begin + (first || begin === 1 ? 0 : 1) + '"entries":['.length;
        if (part.length < list) {
          expect(read).toBeNull();
          return;
        }
        // Where each entry ends, counted by hand.
        let end = list;
        const ends = entries.map((entry, index) => {
          end += Buffer.byteLength(JSON.stringify(entry)) + (index === 0 ? 0 : 1);
          return end;
        });
        const count = ends.filter((each) => each <= part.length).length;
        expect(read!.entries.map((part) => Buffer.from(part).toString('utf8'))).toEqual(
          entries.slice(0, count).map((each) => JSON.stringify(each)),
        );
        const behind = (ends[count - 1] ?? list) + (count === 0 ? 0 : 1);
        expect(Buffer.from(read!.rest)).toEqual(
          count === entries.length ? Buffer.alloc(0) : part.subarray(behind),
        );
      },
    ),
    RUNS,
  );
});

it('whatever is posted is read as one event or several, and nothing is thrown', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    json.map((value) => new TextEncoder().encode(JSON.stringify(value))),
    fc
      .record(
        {
          specversion: json,
          data: json,
          data_base64: json,
          source: json,
          type: json,
          entries: fc.array(json),
        },
        { requiredKeys: [] },
      )
      .map((value) => new TextEncoder().encode(JSON.stringify(value))),
    fc
      .array(
        fc.record(
          { entryId: fc.string(), event: json, metadata: json, contentType: json },
          { requiredKeys: ['entryId'] },
        ),
      )
      .map((entries) => new TextEncoder().encode(JSON.stringify({ entries }))),
  );
  const names = fc.constantFrom(
    'content-type',
    'ce-specversion',
    'ce_specversion',
    '__key',
    '__partition',
    '__offset',
    '__timestamp',
  );
  fc.assert(
    fc.property(bytes, fc.dictionary(names, fc.string()), fc.boolean(), (body, headers, escapedHeaders) => {
      let ids = 0;
      const read = readDelivery('t', headers, body, {
        ...{ topics: [], eventBytes: 16, escapedHeaders },
        id: () => String(++ids),
      });
      const events = read.kind === 'single' ? [read.event] : read.entries.map(({ event }) => event);
      for (const { topic, lane, place } of events)
        expect([topic, lane !== '', place !== '']).toEqual(['t', true, true]);
    }),
    RUNS,
  );
});
