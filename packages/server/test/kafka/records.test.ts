import type { RecordsBatch } from '@platformatic/kafka';
import { expect, it } from 'vitest';
import { recordsOf } from '../../src/adapters/kafka/records.ts';

const record = (offsetDelta: number, value: string) => ({
  ...{ length: 0, attributes: 0, timestampDelta: BigInt(offsetDelta), offsetDelta },
  ...{ key: null, value: Buffer.from(value), headers: [] },
});

const batch = (
  first: number,
  lastDelta: number,
  records: RecordsBatch['records'],
  attributes = 0,
): RecordsBatch => ({
  ...{ firstOffset: BigInt(first), length: 0, partitionLeaderEpoch: 0, magic: 2, crc: 0, attributes },
  ...{ lastOffsetDelta: lastDelta, firstTimestamp: 1_000n, maxTimestamp: 1_000n },
  ...{ producerId: -1n, producerEpoch: -1, firstSequence: -1, records },
});

it('a batch that begins before what was asked for gives only what was', () => {
  const { records, next } = recordsOf([batch(10, 2, [record(0, 'a'), record(1, 'b'), record(2, 'c')])], 11);
  expect(records.map(({ offset, value, timestampMs }) => [offset, String(value), timestampMs])).toEqual([
    [11, 'b', 1_001],
    [12, 'c', 1_002],
  ]);
  expect(next).toBe(13);
});

it('marks of transactions are nobody’s events, and are passed over', () => {
  const control = batch(11, 0, [record(0, 'commit')], 0b11_0000);
  expect(recordsOf([batch(10, 0, [record(0, 'a')]), control], 10)).toMatchObject({
    records: [{ offset: 10 }],
    next: 12,
  });
  expect(recordsOf([control], 11)).toEqual({ records: [], next: 12 });
});

it('a batch whose last records were compacted away is passed to its end', () => {
  expect(recordsOf([batch(20, 9, [record(3, 'd')])], 20)).toMatchObject({
    records: [{ offset: 23 }],
    next: 30,
  });
});

it('an answer without records leaves the place where it was', () => {
  expect(recordsOf([], 5)).toEqual({ records: [], next: 5 });
});
