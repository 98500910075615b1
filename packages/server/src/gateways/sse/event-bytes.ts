import { joinBytes } from '../../gate/join-bytes.ts';
import { othersOf } from '../../gate/other-wires.ts';
import type { Frame, FrameRun, RunBytes } from '../../ports/transport.ts';

/** A message as an event without a name, made once however many streams it goes to (WHATWG HTML, section 9.2.6). */
export function eventBytes(frame: Frame): Uint8Array {
  return (othersOf(frame).events ??= Buffer.from(`data: ${oneLine(frame.text)}\n\n`));
}

/** The bytes of a run, made by the first stream that is written to. */
export function runEvents(run: FrameRun): RunBytes {
  return (othersOf(run).events ??= joinBytes(run.frames().map(eventBytes)));
}

/** An event of the stream's own. `data` is JSON text. */
export function namedEvent(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

/** A line break ends the data. Ours has none, but a payload that somebody else put into a store might, between its tokens. */
export function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]/g, ' ') : json;
}
