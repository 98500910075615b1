import { type Client, type PublicationOf, type StreamChannel, createClient } from '@carillon/client';
import type { contract } from '../contract.ts';

export type RoomClient = Client<typeof contract>;
export type Message = { readonly text: string };
export type Room = StreamChannel<Message, Message>;

/** The client of whoever the address names: `?as=bob`. It is the same in every framework. */
export function openClient(): RoomClient {
  const username = new URLSearchParams(location.search).get('as') ?? 'alice';
  const client = createClient<typeof contract>({ url: '/ws', username, token: () => fetchToken(username) });
  client.connect();
  return client;
}

async function fetchToken(user: string): Promise<string> {
  const response = await fetch(`/logins?user=${encodeURIComponent(user)}`, { method: 'POST' });
  // What is thrown here is tried again after a pause; the page of an error must not be taken for a token.
  if (!response.ok) throw new Error(`no login token: ${response.status}`);
  return response.text();
}

export function lobby(client: RoomClient): Room {
  return client.stream('chat:{room}', { room: 'lobby' });
}

/** Says what stands in the form's field. */
export function sayFrom(room: Room, form: HTMLFormElement): void {
  const text = new FormData(form).get('text');
  form.reset();
  // Waits for a line where there is none; the room shows it once the server has it.
  if (typeof text === 'string' && text !== '') void room.publish({ text });
}

/** Names a message for the framework: the same one is the same element. */
export function keyOf({ position }: PublicationOf<Message>): string {
  return `${position.epoch}:${position.offset}`;
}
