import { type Machine, refusal, reject } from './machine.ts';

/**
 * Takes something of the app's into the queue, while there is room and anything will ever go out.
 *
 * @param bytes of what it carries
 * @returns false where it was refused
 */
export function admit(machine: Machine, ticket: number, bytes: number): boolean {
  const { line, settings } = machine;
  if (line.name === 'down' && line.stopped !== null) {
    // Nothing will be told before the app acts on the reason, and it may never.
    reject(machine, ticket, refusal(line.stopped));
    return false;
  }
  if (bytes > settings.messageBytes) {
    reject(machine, ticket, refusal('too_large', `${bytes} bytes`));
    return false;
  }
  if (machine.queuedCount >= settings.queueCount || machine.queuedBytes + bytes > settings.queueBytes) {
    reject(machine, ticket, refusal('queue_full'));
    return false;
  }
  machine.queuedCount++;
  machine.queuedBytes += bytes;
  return true;
}

/** It is not in the queue any more: answered, refused or given up. */
export function release(machine: Machine, bytes: number): void {
  machine.queuedCount--;
  machine.queuedBytes -= bytes;
}

/** How many bytes a text takes as UTF-8 (RFC 3629, section 3). */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair counts two, the pair four.
    if (unit > 0x7ff) bytes += unit >= 0xd800 && unit <= 0xdfff ? 1 : 2;
    else if (unit > 0x7f) bytes += 1;
  }
  return bytes;
}
