import {
  type AnyContract,
  type Client,
  type ConnectionReason,
  type Friend,
  type OwnPresence,
  CarillonError,
  createClient,
} from '../src/index.ts';

// Checked by the compiler alone: each line after an `@ts-expect-error` must be an error.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

const plain = createClient({ url: 'ws://127.0.0.1/ws', username: 'alice', token: 'jwt' });
const mood = createClient({
  url: '/ws',
  username: 'alice',
  token: async () => 'jwt',
  fields: ['mood', 'tune'],
});

holds<Same<typeof plain, Client>>();
holds<Same<typeof mood, Client<AnyContract<'mood' | 'tune'>>>>();
holds<Same<typeof plain.connection.reason, ConnectionReason | null>>();
// @ts-expect-error reasons are a closed set
void (plain.connection.reason === 'line_lots');
// @ts-expect-error so are the codes of errors
void (new CarillonError('bad_message', '').code === 'bad_massage');
holds<Same<CarillonError['retry'], boolean>>();
holds<Same<typeof plain.connection.status, 'connecting' | 'connected' | 'disconnected'>>();

void plain.setStatus({ status: 'Invisible', a: 'Coding' });
void mood.setStatus({ mood: '', tune: 'x' });
// @ts-expect-error a field that the server is not said to have
void plain.setStatus({ mood: 'x' });
// @ts-expect-error the default fields are gone where others are named
void mood.setStatus({ a: 'x' });
// @ts-expect-error no such status
void plain.setStatus({ status: 'Sleepy' });
// @ts-expect-error fields are strings
void plain.setStatus({ a: 1 });

for (const friend of mood.presence) {
  holds<Same<typeof friend, Friend<'mood' | 'tune'>>>();
  const id: string = friend.id;
  const value: string | undefined = friend.mood;
  const lastSeen: number | null = friend.lastSeen;
  void [id, value, lastSeen];
  // @ts-expect-error others never see somebody invisible
  void (friend.status === 'Invisible');
  // @ts-expect-error no such field
  void friend.a;
  // @ts-expect-error friends are not changed by hand
  friend.mood = 'x';
}

plain.presence.subscribe((changes) => {
  for (const { id, before, after } of changes) void [id satisfies string, before?.a, after?.status];
});
plain.presence.on('bob', (friend) => void (friend?.p satisfies string | undefined));
holds<Same<typeof plain.own, OwnPresence<'a' | 'p' | 'l'>>>();

createClient({ url: '/ws', username: 'a', token: 'b', fields: ['mood'], fieldLengths: { mood: 32 } });
// @ts-expect-error the length of a field that is not named
createClient({ url: '/ws', username: 'a', token: 'b', fields: ['mood'], fieldLengths: { a: 32 } });
createClient({ url: '/ws', username: 'a', token: 'b', WebSocket: globalThis.WebSocket, storage: null });
createClient({ url: '/ws', username: 'a', token: 'b', storage: globalThis.sessionStorage });
// @ts-expect-error a login token is needed
createClient({ url: '/ws', username: 'a' });
