import { useConnection, usePresence, useStream } from '@carillon/client/react';
import { useState } from 'react';
import { type Room, type RoomClient, keyOf, lobby, sayFrom } from '../room-client.ts';

export function App({ client }: { readonly client: RoomClient }) {
  const { status } = useConnection(client);
  const friends = usePresence(client);
  const [isInside, setInside] = useState(true);
  return (
    <main>
      <h1>{client.username}, in React</h1>
      <p role="status">{status}</p>
      <ul aria-label="Friends">
        {friends.map((friend) => (
          <li key={friend.id}>
            {friend.id} {friend.status}
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => setInside(!isInside)}>
        {isInside ? 'Leave the room' : 'Enter the room'}
      </button>
      {isInside && <Chat room={lobby(client)} />}
    </main>
  );
}

function Chat({ room }: { readonly room: Room }) {
  const { state, publications } = useStream(room, { last: 20 });
  return (
    <section aria-label="Room">
      <p>{state.status}</p>
      <ul aria-label="Messages">
        {publications.map((message) => (
          <li key={keyOf(message)}>
            {message.by}: {message.data.text}
          </li>
        ))}
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          sayFrom(room, event.currentTarget);
        }}
      >
        <label>
          Message <input name="text" autoComplete="off" />
        </label>
        <button type="submit">Send</button>
      </form>
    </section>
  );
}
