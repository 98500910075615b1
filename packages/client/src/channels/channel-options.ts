import { DEFAULT_MESSAGE_BYTES } from '@carillon/protocol';
import { CarillonError } from '../carillon-error.ts';
import type { ChannelSettings } from '../core/channels/machine.ts';

/** Publications, calls and readings that wait at most, unless the app says otherwise. */
export const DEFAULT_QUEUE_COUNT = 1_000;

/** The bytes of what they carry, unless the app says otherwise. */
export const DEFAULT_QUEUE_BYTES = 1024 * 1024;

export type ChannelOptions = {
  /** Publications, calls and readings that wait for the server at most; one more is refused with `queue_full`. Absent: 1,000. */
  readonly queueCount?: number | undefined;
  /** The bytes of what they carry, at most. Absent: 1 MiB. */
  readonly queueBytes?: number | undefined;
  /** The server's `limits.messageBytes`, where it is configured with another than 65,536: a larger message is refused here. */
  readonly messageBytes?: number | undefined;
};

/** @throws CarillonError `options_invalid` */
export function settingsOf(username: string, options: ChannelOptions): ChannelSettings {
  return {
    username,
    queueCount: most('queueCount', options.queueCount, DEFAULT_QUEUE_COUNT),
    queueBytes: most('queueBytes', options.queueBytes, DEFAULT_QUEUE_BYTES),
    messageBytes: most('messageBytes', options.messageBytes, DEFAULT_MESSAGE_BYTES),
  };
}

/** @throws CarillonError `options_invalid` for a bound below one */
export function most(name: string, value: number | undefined, absent: number): number {
  if (value === undefined) return absent;
  if (value >= 1) return value;
  throw new CarillonError('options_invalid', name);
}
