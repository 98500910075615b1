import type { World } from '../world.ts';

/** When everyone has gone and the grace is over nothing is left: in the node, in its clock, in the journal. */
export async function checkEmpty({ process, journal, violations, standingTimers }: World): Promise<void> {
  const { node, life } = process;
  if (node === null || life === null) return violations.found('alive', 'the node is not ready');
  const counts = node.counts();
  if (Object.values(counts).some((count) => count !== 0))
    violations.found('f', `the node still holds ${JSON.stringify(counts)}`);
  if (life.planned > standingTimers)
    violations.found('f', `${life.planned - standingTimers} timers are left in the node`);
  const { sessions, devices } = await journal.load();
  if (sessions.length > 0)
    violations.found('f', `the journal still holds sessions: ${JSON.stringify(sessions)}`);
  if (devices.length > 0)
    violations.found('f', `the journal still holds devices: ${JSON.stringify(devices)}`);
}
