import { createRandom, type Random } from '../random.ts';
import type { World } from '../world.ts';
import { performOnClient } from './perform-client.ts';
import { performOnService } from './perform-service.ts';
import { performOnRoster } from './perform-roster.ts';
import type { ScriptEvent } from './script.ts';

/** Makes one event of a script happen. */
export function perform(world: World, event: ScriptEvent): void {
  const random: Random = createRandom(event.draw);
  const done =
    performOnClient(world, event.kind, random) ||
    performOnRoster(world, event.kind, random) ||
    performOnService(world, event.kind, random);
  if (!done && event.kind !== 'rest') throw new Error(`nobody performs ${event.kind}`);
}
