import type { Producer } from '@platformatic/kafka';
import type { Verdict } from '../../ports/source.ts';
import { isTooLarge, reasonOf } from './kafka-error.ts';
import type { KafkaDeps } from './kafka-settings.ts';
import { placeOf, type FetchedRecord } from './records.ts';
import type { Troubles } from './troubles.ts';

type Poison = Extract<Verdict, { result: 'poison' }>;

/** Longest `carillon-error-detail`, in characters: brokers count headers into the size of the message. */
export const LONGEST_DETAIL = 1_000;

/** Where poison is put. */
export type DeadLetters = {
  /**
   * Whether it was put there; false: it was not, and will not be.
   *
   * @param retry waits before another attempt; false: it is over
   */
  put(
    topic: string,
    partition: number,
    record: FetchedRecord,
    poison: Poison,
    retry: (attempt: number) => Promise<boolean>,
  ): Promise<boolean>;
};

/**
 * The dead-letter topic: the record as it was, and why in headers.
 *
 * @param topic null: there is none, and each is warned of
 */
export function createDeadLetters(
  topic: string | null,
  producer: Producer,
  troubles: Troubles,
  warn: KafkaDeps['warn'],
): DeadLetters {
  async function send(
    record: FetchedRecord,
    reasons: readonly (readonly [string, string])[],
    to: string,
  ): Promise<void> {
    // By the buffer, not by the name: a header may come twice.
    const headers = new Map<Buffer, Buffer>();
    for (const [name, content] of record.headers)
      if (name !== null) headers.set(name, content ?? Buffer.alloc(0));
    for (const [name, content] of reasons) headers.set(Buffer.from(name), Buffer.from(content));
    const { key, value } = record;
    await producer.send({
      // All replicas: the event counts as done behind this.
      acks: -1,
      messages: [
        { topic: to, headers, ...(key === null ? {} : { key }), ...(value === null ? {} : { value }) },
      ],
    });
  }

  return {
    async put(from, partition, record, poison, retry) {
      const place = placeOf(from, partition, record.offset);
      const reasons: (readonly [string, string])[] = [
        ['carillon-error-code', poison.code],
        ['carillon-error-detail', poison.detail.slice(0, LONGEST_DETAIL)],
        ['carillon-place', place],
      ];
      if (topic === null) {
        warn('kafka_poison', { place, code: poison.code, detail: poison.detail.slice(0, LONGEST_DETAIL) });
        return true;
      }
      let sent = record;
      for (let attempt = 0; ; attempt++) {
        try {
          await send(sent, reasons, topic);
          troubles.clear('dead-letter');
          return true;
        } catch (error) {
          if (isTooLarge(error) && sent.value !== null) {
            // The topic takes less than the one it came from, and always will. Its place says where the value is.
            reasons.push(['carillon-value-omitted', String(sent.value.length)]);
            sent = { ...sent, value: null };
            continue;
          }
          troubles.set(
            'dead-letter',
            'kafka_dead_letter_failed',
            `the dead-letter topic "${topic}" cannot be written, and nothing is committed behind ${place}: ${reasonOf(error)}`,
          );
          if (!(await retry(attempt))) return false;
        }
      }
    },
  };
}
