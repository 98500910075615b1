import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { carillonWire, type DocumentWire, yWire } from './document-wire.ts';

/** Connections that are being opened at any moment. */
const AT_ONCE = 32;

/** Connections that look at what they get; the others count bytes. A generator that reads everything would measure itself. */
const LOOKING = 5;

/** People who type, each once a second. */
const TYPING = 10;

export type LoadPlan = {
  readonly contender: 'carillon' | 'y-websocket' | 'hocuspocus';
  readonly port: number;
  /** The file of logins; empty where there are none. */
  readonly logins: string;
  readonly clients: number;
  /** Cursor moves of each client a second. */
  readonly moves: number;
};

type Client = { readonly socket: WebSocket; readonly index: number; clock: number };

/** Clients of one document who move their cursors and type; says what arrives how late. */
export async function runDocumentLoad(plan: LoadPlan): Promise<void> {
  const wire: DocumentWire =
    plan.contender === 'carillon' ? carillonWire(plan.logins) : yWire(plan.contender === 'hocuspocus');
  let bytes = 0;
  let messages = 0;
  let cursors: number[] = [];
  let updates: number[] = [];
  let closed = 0;
  const clients: Client[] = [];

  function open(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${plan.port}${wire.path}`, {
        perMessageDeflate: false,
        skipUTF8Validation: true,
      });
      let ready = false;
      socket.on('error', reject);
      socket.on('open', () => {
        for (const message of wire.hello(index)) socket.send(message);
      });
      socket.on('close', (code) => {
        closed++;
        reject(new Error(`closed with ${code}`));
      });
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        bytes += data.length;
        messages++;
        const answer = wire.answer(data);
        if (answer !== null) socket.send(answer);
        if (!ready && wire.isOpen(data, isBinary)) {
          ready = true;
          clients.push({ socket, index, clock: 0 });
          resolve();
        }
        if (ready && index < LOOKING) look(data);
      });
    });
  }

  function look(data: Buffer): void {
    const now = performance.now();
    const states = wire.cursorsOf(data);
    if (states !== null) for (const state of states) note(cursors, /"at":([\d.]+)/.exec(state), now);
    else for (const update of wire.updatesOf(data)) note(updates, /<([\d.]+)>/.exec(text(update)), now);
  }

  function note(list: number[], found: RegExpExecArray | null, now: number): void {
    if (found !== null) list.push(now - Number(found[1]));
  }

  for (let next = 0; next < plan.clients; next += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, plan.clients - next) }, (_, offset) => open(next + offset)),
    );

  function move(client: Client): void {
    const at = performance.now().toFixed(2);
    const state = `{"user":{"name":"person ${client.index}","color":"#30bced"},"cursor":{"anchor":${client.clock},"head":${client.clock}},"at":${at}}`;
    client.socket.send(wire.cursor(client.index, ++client.clock, state));
  }

  /** Spread over the interval, as people are. */
  const everybody = [...clients].sort((a, b) => a.index - b.index);
  everybody.forEach((client, index) =>
    setTimeout(
      () => setInterval(() => move(client), 1000 / plan.moves),
      (index * (1000 / plan.moves)) / plan.clients,
    ),
  );
  everybody.slice(-TYPING).forEach((client, index) => {
    const doc = new Y.Doc();
    doc.on('update', (update: Uint8Array) => client.socket.send(wire.update(update)));
    setTimeout(
      () => setInterval(() => doc.getText('text').insert(0, `<${performance.now().toFixed(2)}>`), 1000),
      index * (1000 / TYPING),
    );
  });

  createInterface({ input: process.stdin }).on('line', (command) => {
    if (command === 'begin') {
      cursors = [];
      updates = [];
      bytes = 0;
      messages = 0;
      say('begun', {});
    } else
      say('figures', {
        ...{ bytes, messages, closed },
        cursors: cursors.length,
        updates: updates.length,
        ...quantiles('cursor', cursors),
        ...quantiles('update', updates),
      });
  });
  say('ready', { clients: clients.length });
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function quantiles(name: string, values: readonly number[]): Record<string, number> {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? -1;
  return { [`${name}P50`]: at(0.5), [`${name}P95`]: at(0.95), [`${name}P99`]: at(0.99) };
}

export function say(event: string, figures: object): void {
  console.log(JSON.stringify({ event, ...figures }));
}
