import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

/** Connections that are being opened at any moment. */
const AT_ONCE = 64;

/** Latencies are counted in steps of a hundredth. */
const STEP = Math.log(1.01);

/** A clock that all processes of the machine share, µs. */
export function sharedMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

type Device = { readonly port: string; readonly login: string; readonly channel: string };

/**
 * Devices that watch their users' tasks. Of a file, a line each: the port, the login and the channel, apart by tabs. An event counts as delivered when
 * all devices of its user, which are all in one process, have it.
 */
export async function runFeedDevices(path: string, devicesEach: number): Promise<void> {
  const devices = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Device => {
      const [port = '', login = '', channel = ''] = line.split('\t');
      return { port, login, channel };
    });
  const missing = new Map<number, number>();
  let complete = 0;
  let deliveries = 0;
  let closed = 0;
  let maxMicros = 0;
  let counts = new Map<number, number>();

  function take({ n, at }: { readonly n: number; readonly at: number }): void {
    deliveries++;
    const left = (missing.get(n) ?? devicesEach) - 1;
    if (left > 0) {
      missing.set(n, left);
      return;
    }
    missing.delete(n);
    complete++;
    const micros = Math.max(1, sharedMicros() - at);
    maxMicros = Math.max(maxMicros, micros);
    const step = Math.round(Math.exp(Math.round(Math.log(micros) / STEP) * STEP));
    counts.set(step, (counts.get(step) ?? 0) + 1);
  }

  function open({ port, login, channel }: Device): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });
      socket.on('open', () => socket.send(login));
      socket.on('error', reject);
      socket.on('close', (code) => {
        closed++;
        reject(new Error(`closed with ${code}`));
      });
      socket.on('message', (data) => {
        const message = JSON.parse((data as Buffer).toString()) as Message;
        if (message.t === 'p') take(message.d);
        else if (message.t === 'hb' && message.q === undefined) socket.send('{"t":"hb"}');
        else if (message.t === 'sync') socket.send(JSON.stringify({ t: 'sub', i: 1, c: channel }));
        else if (message.t === 'ok' && message.i === 1) resolve();
        else if (message.t === 'err') reject(new Error(JSON.stringify(message)));
      });
    });
  }

  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let device = devices[next++]; device !== undefined; device = devices[next++]) await open(device);
    }),
  );
  say({ event: 'ready', connections: devices.length });
  createInterface({ input: process.stdin }).on('line', (command) => {
    if (command === 'figures')
      say({
        event: 'figures',
        complete,
        deliveries,
        closed,
        latencies: [...counts],
        maxMs: maxMicros / 1000,
      });
    else {
      [complete, deliveries, maxMicros] = [0, 0, 0];
      counts = new Map();
      missing.clear();
      say({ event: 'begun' });
    }
  });
}

type Message =
  | { readonly t: 'p'; readonly d: { readonly n: number; readonly at: number } }
  | { readonly t: 'hb'; readonly q?: number }
  | { readonly t: 'ok' | 'err' | 'sync'; readonly i?: number };

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
