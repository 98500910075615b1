import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { leaveCluster } from '../../../src/cli/workers/supervisor-channel.ts';
import { supervise } from '../../../src/cli/workers/supervise.ts';
import type { FromWorker } from '../../../src/cli/workers/worker-messages.ts';
import { takeWorkerNumber } from '../../../src/cli/workers/worker-number.ts';
import { createLogger } from '../../../src/ops/logger.ts';

/**
 * A program under the real supervisor, in place of a server: its workers do what they are asked over HTTP. How many, and
 * what each does when it starts, stands in the arguments: `2 serve`, `2 fail`, `2 silent`, `2 hang`; behind them how long a
 * worker may take to start, ms.
 */
const [size = '1', manner = 'serve', startTimeoutMs = '60000'] = process.argv.slice(2);
const worker = takeWorkerNumber(process.env);

const tell = (message: FromWorker): Promise<void> =>
  new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));

if (worker === null) {
  const options = { size: Number(size), startTimeoutMs: Number(startTimeoutMs) };
  process.exit(await supervise(options, createLogger('info')));
}

if (manner === 'fail') {
  await tell({ carillon: 'not-started', reason: 'the port is somebody else’s' });
  process.exit(1);
}
if (manner === 'silent') process.exit(3);
if (manner === 'hang') process.kill(process.pid, 'SIGSTOP');

const http = createServer((request, response) => {
  const [, what, wanted] = (request.url ?? '').split('/');
  if (what === 'exit' && wanted === String(worker)) process.exit(7);
  // Only SIGKILL ends it before its time.
  if (what === 'hang') response.once('close', () => void setImmediate(() => hang(60_000)));
  response.setHeader('connection', 'close');
  response.end(JSON.stringify({ worker, pid: process.pid }));
});

/** Does nothing else meanwhile: signals, messages and the end of its channel wait. */
function hang(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

http.listen(0, '127.0.0.1', () => {
  process.on('SIGTERM', () => {
    process.stdout.write(`${JSON.stringify({ msg: 'drained', worker })}\n`);
    // Busy in the moment in which it is told: what it is handed until it ends is read behind that, or never.
    hang(200);
    http.close(() => void leaveCluster().then(() => process.exit(0)));
  });
  process.on('SIGINT', () => undefined);
  const { port } = http.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ msg: 'up', worker, pid: process.pid, port })}\n`);
  void tell({ carillon: 'serving' });
});
