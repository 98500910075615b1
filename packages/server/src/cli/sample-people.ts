import type { SamplePerson } from '../server.ts';

/** Who one may be in `carillon dev`. */
export const SAMPLE_PEOPLE: readonly SamplePerson[] = [
  { user: 'alice', name: 'Alice Moreau' },
  { user: 'bob', name: 'Bob Okafor' },
  { user: 'carol', name: 'Carol Lindqvist' },
  { user: 'dave', name: 'Dave Tanaka' },
  { user: 'erin', name: 'Erin Castellanos' },
  { user: 'frank', name: 'Frank Nowak' },
  { user: 'grace', name: 'Grace Adeyemi' },
  { user: 'heidi', name: 'Heidi Brandt' },
];

/** Whom each follows at first: not everybody, so that there is somebody left to follow. */
export const SAMPLE_FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  alice: ['bob', 'carol', 'dave', 'grace'],
  bob: ['alice', 'carol', 'erin'],
  carol: ['alice', 'bob', 'frank', 'heidi'],
  dave: ['alice', 'erin', 'grace'],
  erin: ['bob', 'dave', 'heidi'],
  frank: ['alice', 'carol', 'grace'],
  grace: ['alice', 'dave', 'frank', 'heidi'],
  heidi: ['bob', 'carol', 'erin'],
};
