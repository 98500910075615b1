import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import type { EventKind } from './script.ts';

const HOUR_MS = 3_600_000;

/** Mostly as long as a restart takes, now and then longer than the grace. */
function downMs(random: Random): number {
  return random.chance(0.8) ? random.whole(0, 5_000) : random.whole(0, 100_000);
}

/** @returns false where the event is none of the service's */
export function performOnService(world: World, kind: EventKind, random: Random): boolean {
  const { process, network, disk, issuer, wall, model } = world;
  switch (kind) {
    case 'disturbNetwork':
      network.disturb(random.pick(['refused', 'unanswered', 'slow']), random.whole(500, 30_000));
      return true;
    case 'fillDisk':
      disk.fill(random.whole(200, 8_000), random.chance(0.3));
      return true;
    case 'failAuth':
      issuer.fail(random.whole(200, 20_000));
      return true;
    case 'stepWall':
      // An hour back, and later where it was: it never runs ahead of those who issue tokens.
      model.wallWasSet = true;
      wall.offsetMs = wall.offsetMs === 0 ? -HOUR_MS : 0;
      return true;
    case 'crash':
      world.restartAfterMs = downMs(random);
      process.crash();
      return true;
    case 'shutDown':
      world.restartAfterMs = downMs(random);
      void process.shutDown(random.pick([0, 2_000, 20_000]));
      return true;
    default:
      return false;
  }
}
