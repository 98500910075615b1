import { type MessagePort, parentPort } from 'node:worker_threads';
import { runJob } from './run-job.ts';
import { type FromThread, type ToThread, unpackAsked } from './thread-messages.ts';
import { createTransients } from './transients.ts';

/** Does one job after the other; nothing of one is there when the next begins. */
function serve(port: MessagePort): void {
  const transients = createTransients();
  port.on('message', (message: ToThread) => {
    if (message.kind === 'retained')
      void transients.retained().then((answer) => port.postMessage({ id: message.id, answer }));
    else {
      const answer = runJob(message.name, unpackAsked(message.asked), transients);
      port.postMessage({ id: message.id, answer } satisfies FromThread, movable(answer));
    }
  });
}

/** Bytes that are alone in their buffer are moved, not copied. */
function movable(answer: object): ArrayBuffer[] {
  return Object.values(answer)
    .filter((value) => value instanceof Uint8Array)
    .filter(({ buffer, length }) => buffer instanceof ArrayBuffer && buffer.byteLength === length)
    .map(({ buffer }) => buffer as ArrayBuffer);
}

if (parentPort !== null) serve(parentPort);
