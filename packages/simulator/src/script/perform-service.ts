import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import type { EventKind } from './script.ts';

const HOUR_MS = 3_600_000;

/** Twice the grace: nobody who was away while the clock was wrong can resume any more. */
const MENDED_MS = 120_000;

/** Mostly as long as a restart takes, now and then longer than the grace. */
function downMs(random: Random): number {
  return random.chance(0.8) ? random.whole(0, 5_000) : random.whole(0, 100_000);
}

/** An hour back, and later where it was: it never runs ahead of those who issue tokens. */
function stepWall({ process, model, wall, time }: World): void {
  if (wall.offsetMs !== 0 && process.node === null) return;
  wall.offsetMs = wall.offsetMs === 0 ? -HOUR_MS : 0;
  model.wallSetMs = time.nowMs();
}

/**
 * A node that dies soon after its clock was set right does not know any more that the clock had been wrong, and may keep from
 * those who were away meanwhile that somebody went offline. See docs/decisions/0008-simulator.md.
 */
function isMendingTime({ model, wall, time }: World): boolean {
  return model.wallSetMs !== null && wall.offsetMs === 0 && time.nowMs() - model.wallSetMs < MENDED_MS;
}

/** @returns false where the event is none of the service's */
export function performOnService(world: World, kind: EventKind, random: Random): boolean {
  const { process, network, disk, issuer } = world;
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
      stepWall(world);
      return true;
    case 'crash':
      if (isMendingTime(world)) return true;
      world.restartAfterMs = downMs(random);
      process.crash();
      return true;
    case 'shutDown':
      if (isMendingTime(world)) return true;
      world.restartAfterMs = downMs(random);
      void process.shutDown(random.pick([0, 2_000, 20_000]));
      return true;
    default:
      return false;
  }
}
