import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { fetchPeople } from '../account/dev-api.ts';
import { type Person, linkTo, personInAddress } from '../account/person.ts';
import { PersonPicker } from '../account/person-picker.tsx';
import { openSession } from '../session/open-session.ts';
import type { StudioSession } from '../session/studio-session.ts';
import { Desk } from './desk.tsx';
import { Masthead } from './masthead.tsx';

/** Where the page stands. */
type Place =
  | { readonly at: 'start' }
  | { readonly at: 'failed'; readonly code: string }
  | { readonly at: 'door'; readonly people: readonly Person[]; readonly reason: string | null }
  | { readonly at: 'desk'; readonly session: StudioSession };

export function App() {
  const place = useSignal<Place>({ at: 'start' });

  const enter = (person: Person, people: readonly Person[]) => {
    document.title = `${person.name} · Carillon Studio`;
    const leave = () => {
      history.pushState(null, '', location.pathname);
      goToDoor(people, null);
    };
    place.value = { at: 'desk', session: openSession(person, people, leave) };
  };

  const goToDoor = (people: readonly Person[], reason: string | null) => {
    document.title = 'Carillon Studio';
    place.value = { at: 'door', people, reason };
  };

  const start = async () => {
    place.value = { at: 'start' };
    const answer = await fetchPeople();
    if (!answer.ok) {
      place.value = { at: 'failed', code: answer.code };
      return;
    }
    const wanted = personInAddress(location.search);
    const person = answer.value.find(({ user }) => user === wanted);
    if (person !== undefined) enter(person, answer.value);
    else goToDoor(answer.value, wanted === null ? null : `There is no sample person “${wanted}” here.`);
  };

  useEffect(() => {
    void start();
    // Back and forward may change the person: another person is another login, so the page begins anew.
    const follow = () => {
      const shown = place.value.at === 'desk' ? place.value.session.person.user : null;
      if (personInAddress(location.search) !== shown) location.reload();
    };
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);

  const { value } = place;
  switch (value.at) {
    case 'start':
      return <Masthead />;
    case 'failed':
      return <Failed code={value.code} onRetry={() => void start()} />;
    case 'door':
      return (
        <PersonPicker
          people={value.people}
          reason={value.reason}
          onPick={(person) => {
            history.pushState(null, '', linkTo(person.user));
            enter(person, value.people);
          }}
        />
      );
    case 'desk':
      return <Desk session={value.session} />;
  }
}

function Failed({ code, onRetry }: { readonly code: string; onRetry(): void }) {
  return (
    <>
      <Masthead />
      <main class="door">
        <h2 class="door-title">No sample people</h2>
        <p class="door-lead" role="alert">
          The server did not answer as a development server does ({code}). Start one with{' '}
          <code>npm start</code>.
        </p>
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      </main>
    </>
  );
}
