import { afterEach, expect, it } from 'vitest';
import { openScene, type Scene } from '../../wire/scene/scene.ts';
import { documentConfig, LIMITS, openParty, type Party } from './party.ts';

let scene: Scene;
let party: Party;
afterEach(async () => {
  party.end();
  await scene.close();
});

it.each([
  ['stored: what was acknowledged is on the disk', 'stored'],
  ['memory: what the server lost those bring back who have it', 'memory'],
] as const)(
  '[DOC2] [DOC3] 20 people edit through cuts and kill -9 of the server; %s, and all have the same',
  async (_title, durability) => {
    scene = await openScene(LIMITS, { configModule: documentConfig(durability) });
    party = openParty(20, () => scene.server.port, 20_261_122);
    const struck: number[] = [];
    await party.edit(60, async (round) => {
      if (round !== 20 && round !== 40) return;
      struck.push(party.underWay());
      await scene.stop('SIGKILL');
      await scene.restart();
    });
    expect(Math.min(...struck)).toBeGreaterThan(5);
    const { acknowledged } = await party.converged(() => scene.logIn('reader'));
    expect(acknowledged).toBeGreaterThan(500);
  },
);
