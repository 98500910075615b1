import { presenceTopic } from '../../ports/broker.ts';
import type { Keys } from './keys.ts';

/** The entry of a viewer's roster, and what is being edited of it: in the slot of everything else of that user. */
export function rosterKeys(keys: Keys, viewer: string): readonly [entry: string, edits: string] {
  const topic = presenceTopic(viewer);
  return [keys.of(topic, 'roster'), keys.of(topic, 'roster-edits')];
}
