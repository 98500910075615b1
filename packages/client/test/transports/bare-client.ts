// A client where there is no page and little of the web platform, as under React Native: run by a test in a process of its own.

const MISSING = [
  'WebSocket',
  'EventSource',
  'document',
  'window',
  'location',
  'navigator',
  'addEventListener',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'reportError',
  'Response',
  'BroadcastChannel',
  'TextDecoder',
  'TextEncoder',
];
// The fetch of Node.js is loaded at its first use, and takes its decoder from there then.
await fetch('data:,').then((answer) => answer.text());
for (const name of MISSING) Reflect.deleteProperty(globalThis, name);

const { createClient } = await import('../../src/index.ts');
const [url = ''] = process.argv.slice(2);
const client = createClient({ url, username: 'alice', token: 'alice' });
const chat = client.stream('chat:bare');
const seen: unknown[] = [];
const three = new Promise<void>((resolve) => {
  chat.onPublication(({ data }) => {
    if (seen.push(data) === 3) resolve();
  });
});
client.connect();
await chat.subscribe();
await Promise.all([1, 2, 3].map((number) => chat.publish(number)));
await three;
const sum = await client.call('add', [1, 2]);
const { transport } = client.connection;
await client.logout();

const lean = await import('../../src/lean/lean.ts');
const { createOutbox, memoryStore } = await import('../../src/outbox/index.ts');
const sender = lean.createClient({
  url,
  username: 'alice',
  token: 'alice',
  fallback: lean.allTransports,
  outbox: createOutbox({ store: memoryStore() }),
});
sender.connect();
const published = await sender.stream('chat:bare').publish(4);
const leanSum = await sender.call('add', [2, 3], { durable: true });
const leanTransport = sender.connection.transport;
await sender.logout();
await sender.outbox?.close();
process.stdout.write(
  JSON.stringify({
    transport,
    seen,
    sum,
    lean: { transport: leanTransport, offset: published.position?.offset, sum: leanSum },
    missing: MISSING.filter((name) => name in globalThis),
  }),
);
