import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { say } from './document-load.ts';
import { readDevice } from './document-plan.ts';

export type PaperPlan = {
  readonly port: number;
  readonly logins: string;
  /** Lines of keystrokes, gzipped (`[position, deleted, inserted]` in transactions); empty: made up. */
  readonly file: string;
  readonly channel: string;
  /** Updates under way. */
  readonly inFlight: number;
  /** The most keystrokes that are typed. */
  readonly most: number;
};

type Patch = readonly [position: number, deleted: number, inserted: string];

/** One types, keystroke by keystroke, three watch. Says how fast, and whether all have the same in the end. */
export async function runDocumentPaper({
  port,
  logins,
  file,
  channel,
  inFlight,
  most,
}: PaperPlan): Promise<void> {
  const paper = patchesOf(file);
  const { updates, text, clientId } = typed(paper.patches.slice(0, most));
  // What the file says must come of it, where all of it was typed.
  const expected = most >= paper.patches.length ? (paper.end ?? text) : text;
  const users = readDevice(logins);
  let bytesDown = 0;
  let bytesUp = 0;
  const watchers = users.slice(1).map((login) => {
    const got: string[] = [];
    const complete = Promise.withResolvers<void>();
    const socket = open(login, [], (data) => {
      bytesDown += data.length;
      if (!data.subarray(0, 12).includes('{"t":"p"')) return;
      got.push(data.toString());
      if (got.length === updates.length) complete.resolve();
    });
    return { got, complete: complete.promise, socket };
  });

  function open(login: string, names: readonly number[], take: (data: Buffer) => void): Promise<WebSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });
      socket.on('error', reject);
      socket.on('open', () => socket.send(login));
      socket.on('message', (data: Buffer) => {
        if (data.subarray(0, 14).includes('{"t":"sync"'))
          socket.send(JSON.stringify({ t: 'sub', i: 0, c: channel, cl: names }));
        else if (data.subarray(0, 20).includes('{"t":"ok","i":0,')) resolve(socket);
        else if (data.subarray(0, 10).includes('{"t":"hb"')) socket.send('{"t":"hb"}');
        else take(data);
      });
    });
  }

  const finished = Promise.withResolvers<void>();
  let next = 0;
  let acknowledged = 0;
  const writer = await open(users[0] ?? '', [clientId], (data) => {
    const head = data.subarray(0, 12).toString();
    if (head.startsWith('{"t":"err"')) finished.reject(new Error(data.toString()));
    if (!head.startsWith('{"t":"ok"')) return;
    acknowledged++;
    if (acknowledged === updates.length) finished.resolve();
    pump();
  });
  for (const { socket } of watchers) await socket;

  function pump(): void {
    while (next < updates.length && next - acknowledged < inFlight) {
      const frame = `{"t":"upd","i":${next + 1},"c":"${channel}","d":"${updates[next]}"}`;
      bytesUp += frame.length;
      writer.send(frame);
      next++;
    }
  }

  const began = performance.now();
  pump();
  await finished.promise;
  const seconds = (performance.now() - began) / 1000;
  await Promise.all(watchers.map(({ complete }) => complete));
  const allSeconds = (performance.now() - began) / 1000;
  const equal = watchers.every(({ got }) => {
    const doc = new Y.Doc();
    doc.transact(() => {
      for (const frame of got)
        Y.applyUpdate(doc, Buffer.from((JSON.parse(frame) as { d: string }).d, 'base64'));
    });
    return doc.getText('text').toJSON() === expected;
  });
  say('typed', {
    updates: updates.length,
    seconds,
    allSeconds,
    bytesUp,
    bytesDown,
    equal,
    characters: text.length,
  });
}

/** Every keystroke as an update of its own, as base64. */
function typed(patches: readonly Patch[]): {
  readonly updates: readonly string[];
  readonly text: string;
  readonly clientId: number;
} {
  const doc = new Y.Doc();
  const text = doc.getText('text');
  const updates: string[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(Buffer.from(update).toString('base64')));
  for (const [position, deleted, inserted] of patches)
    doc.transact(() => {
      if (deleted > 0) text.delete(position, deleted);
      if (inserted !== '') text.insert(position, inserted);
    });
  return { updates, text: text.toJSON(), clientId: doc.clientID };
}

function patchesOf(file: string): { readonly patches: readonly Patch[]; readonly end: string | null } {
  if (file === '') {
    const letters = Array.from({ length: 10_000 }, (_, n): Patch => [
      n,
      0,
      String.fromCharCode(97 + (n % 26)),
    ]);
    return { patches: letters, end: null };
  }
  const { txns, endContent } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as {
    txns: { patches: Patch[] }[];
    endContent: string;
  };
  return { patches: txns.flatMap(({ patches }) => patches), end: endContent };
}
