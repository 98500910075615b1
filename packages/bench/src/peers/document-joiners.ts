import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { say } from './document-load.ts';
import { readDevice } from './document-plan.ts';
import { CHANNEL } from './document-wire.ts';

export type JoinPlan = {
  readonly contender: 'carillon' | 'ws';
  readonly port: number;
  readonly logins: string;
  readonly clients: number;
  /** Of `ws`: when a client has all. */
  readonly bytes: number;
};

const AT_ONCE = 32;

/** Clients that all ask for the same document at one moment, when they are told `go`; says when the last had it. */
export async function runDocumentJoiners({
  contender,
  port,
  logins,
  clients: count,
  bytes: whole,
}: JoinPlan): Promise<void> {
  const users = contender === 'carillon' ? readDevice(logins) : [];
  const sockets: WebSocket[] = [];
  const sizes: number[] = [];
  let began = 0;
  let done = 0;
  const parts: Buffer[] = [];

  function finished(): void {
    done++;
    if (done < count) return;
    const seconds = (performance.now() - began) / 1000;
    let applyMs = 0;
    if (contender === 'carillon') {
      const doc = new Y.Doc();
      const before = performance.now();
      Y.applyUpdate(
        doc,
        new Uint8Array(
          Buffer.concat(
            parts.map((part) => Buffer.from((JSON.parse(part.toString()) as { d: string }).d, 'base64')),
          ),
        ),
      );
      applyMs = performance.now() - before;
    }
    say('joined', { seconds, sizes, applyMs });
  }

  function open(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${contender === 'ws' ? '/' : '/ws'}`, {
        perMessageDeflate: false,
        skipUTF8Validation: true,
        maxPayload: 0,
      });
      let got = 0;
      let left = -1;
      socket.on('error', reject);
      socket.on('open', () => {
        sockets.push(socket);
        if (contender === 'carillon') socket.send(users[index] ?? '');
      });
      socket.on('message', (data: Buffer) => {
        if (began === 0) {
          if (contender === 'ws' || data.subarray(0, 14).includes('{"t":"sync"')) resolve();
          return;
        }
        if (contender === 'ws') {
          got += data.length;
          if (got >= whole) finished();
          return;
        }
        if (!data.subarray(0, 12).includes('{"t":"ds"')) return;
        if (index === 0) {
          sizes.push(data.length);
          parts.push(data);
        }
        // All parts but the last have the same head: the number of parts stands in it.
        if (left < 0) left = Number(/"of":(\d+)/.exec(data.subarray(0, 200).toString())?.[1] ?? 1);
        if (--left === 0) finished();
      });
    });
  }

  for (let next = 0; next < count; next += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - next) }, (_, offset) => open(next + offset)),
    );
  createInterface({ input: process.stdin }).on('line', () => {
    began = performance.now();
    for (const socket of sockets)
      socket.send(contender === 'ws' ? 'go' : JSON.stringify({ t: 'sub', i: 1, c: CHANNEL }));
  });
  say('ready', { clients: sockets.length });
}
