/** @jsxImportSource solid-js */
import { connectionStore, presenceStore, streamStore } from '@carillon/client/stores';
import { For, Show, createSignal, from } from 'solid-js';
import { type Room, type RoomClient, lobby, sayFrom } from '../room-client.ts';

export function App(props: { readonly client: RoomClient }) {
  const connection = from(connectionStore(props.client));
  const friends = from(presenceStore(props.client));
  const [isInside, setInside] = createSignal(true);
  return (
    <main>
      <h1>{props.client.username}, in Solid</h1>
      <p role="status">{connection()?.status}</p>
      <ul aria-label="Friends">
        <For each={friends()}>
          {(friend) => (
            <li>
              {friend.id} {friend.status}
            </li>
          )}
        </For>
      </ul>
      <button type="button" onClick={() => setInside(!isInside())}>
        {isInside() ? 'Leave the room' : 'Enter the room'}
      </button>
      <Show when={isInside()}>
        <Chat room={lobby(props.client)} />
      </Show>
    </main>
  );
}

function Chat(props: { readonly room: Room }) {
  const view = from(streamStore(props.room, { last: 20 }));
  return (
    <section aria-label="Room">
      <p>{view()?.state.status}</p>
      <ul aria-label="Messages">
        <For each={view()?.publications}>
          {(message) => (
            <li>
              {message.by}: {message.data.text}
            </li>
          )}
        </For>
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          sayFrom(props.room, event.currentTarget);
        }}
      >
        <label>
          Message <input name="text" autocomplete="off" />
        </label>
        <button type="submit">Send</button>
      </form>
    </section>
  );
}
