import { expect, it } from 'vitest';
import * as Y from 'yjs';
import {
  type FakeServer,
  type FullDevice,
  changeBeside,
  docOf,
  makeDevice,
  newServer,
} from './documents-world.ts';

/** Numbers by chance, the same for the same seed (mulberry32). */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function editByChance(text: Y.Text, chance: () => number, word: string): void {
  const at = Math.floor(chance() * (text.length + 1));
  if (chance() < 0.3 && text.length > 0) {
    const from = Math.min(at, text.length - 1);
    text.delete(from, Math.min(1 + Math.floor(chance() * 5), text.length - from));
  } else text.insert(at, chance() < 0.05 ? word.repeat(40) : word);
}

type World = {
  readonly server: FakeServer;
  readonly devices: readonly FullDevice[];
  readonly clock: { nowMs: number };
  readonly roles: Map<string, 'read' | 'write'>;
  /** Whether the server may have forgotten what it acknowledged. */
  lost: boolean;
};

function act({ server, devices, clock, roles }: World, chance: () => number): boolean {
  const lines = devices.flatMap(({ line }) => (line === null ? [] : [line]));
  const device = devices[Math.floor(chance() * devices.length)]!;
  const what = chance();
  if (what < 0.25) device.sendNext(server, lines);
  else if (what < 0.55) device.receiveNext();
  else if (what < 0.75) device.edit((text) => editByChance(text, chance, `${device.user}.`));
  else if (what < 0.83) {
    clock.nowMs += Math.floor(chance() * 40);
    for (const each of devices) each.ring();
  } else if (what < 0.88) {
    if (device.line === null) device.connect();
  } else if (what < 0.9) device.cut();
  else if (what < 0.91) device.crash();
  else if (what < 0.93)
    server.trimmed = Math.max(server.trimmed, server.log.length - Math.floor(chance() * 4));
  else if (what < 0.95)
    server.refusals.push({ t: chance() < 0.5 ? 'upd' : 'sub', code: 'unavailable', retryAfterMs: 20 });
  else if (what < 0.97) {
    const role = chance() < 0.5 ? 'read' : 'write';
    roles.set(device.user, role);
    if (device.line?.joined === true) device.line.say({ t: 'role', c: 'doc:1', role });
  } else if (what < 0.98 && device.line?.joined === true) {
    device.line.joined = false;
    device.line.say({ t: 'gap', c: 'doc:1', why: chance() < 0.5 ? 'resync' : 'dropped' });
  } else if (what < 0.984) server.fate = chance() < 0.5 ? 'lost' : 'twice';
  else if (what < 0.988 && device.line !== null) device.line.parts = [];
  else if (what < 0.992 && device.line?.joined === true) changeBeside(server, device.line, 'beside.');
  else if (what > 0.994) {
    // A server that had it in memory alone: everyone is told.
    server.epoch++;
    server.log = server.log.slice(0, Math.floor(chance() * server.log.length));
    server.trimmed = 0;
    for (const line of lines) {
      if (line.joined)
        line.say({ t: 'gap', c: 'doc:1', why: 'epoch', e: `e${server.epoch}`, o: server.log.length });
      line.joined = false;
    }
    return true;
  }
  return false;
}

function settle({ server, devices, clock, roles }: World): void {
  for (const { user } of devices) roles.set(user, 'write');
  server.refusals = [];
  for (const device of devices) {
    device.cut();
    device.connect();
  }
  for (let quiet = 0; quiet < 3;) {
    const lines = devices.flatMap(({ line }) => (line === null ? [] : [line]));
    let moved = false;
    for (const device of devices)
      while (device.up.length > 0 || device.down.length > 0) {
        moved = true;
        device.sendNext(server, lines);
        device.receiveNext();
      }
    clock.nowMs += 30_000;
    for (const device of devices) device.ring();
    quiet = moved ? 0 : quiet + 1;
  }
}

function run(seed: number, devicesCount: number, steps: number): World {
  const chance = chanceOf(seed);
  const clock = { nowMs: 1_000 };
  const server = newServer();
  const roles = new Map<string, 'read' | 'write'>();
  server.role = (user) => roles.get(user) ?? 'write';
  const devices = Array.from({ length: devicesCount }, (_, at) =>
    makeDevice('abcdef'.charAt(at), clock, chance() < 0.5 ? 64 : 100_000),
  );
  const world: World = { server, devices, clock, roles, lost: false };
  for (const [at, device] of devices.entries()) {
    device.doc.clientID = seed * 10 + at;
    device.dispatch({ type: 'opened', position: null, own: [], unsure: false });
    device.connect();
  }
  for (let step = 0; step < steps; step++) if (act(world, chance)) world.lost = true;
  settle(world);
  return world;
}

it('[DOC2] [DOC3] [DOC4] whatever line, server and page do, all copies end equal, and everything that was typed is saved', () => {
  let full = 0;
  let lost = 0;
  for (let seed = 1; seed <= 250; seed++) {
    const { server, devices, lost: wasLost } = run(seed, 3, 150);
    const text = docOf(server).getText('t').toJSON();
    for (const device of devices) {
      const { status, unsent, unsaved, refused } = device.document.view();
      expect({ seed, status, unsent, unsaved, refused }).toEqual({
        ...{ seed, status: 'live', unsent: 0, unsaved: 0, refused: null },
      });
      expect(device.doc.getText('t').toJSON(), `seed ${seed}`).toBe(text);
      expect(device.kept.own, `seed ${seed}`).toEqual([]);
      expect(device.kept.position, `seed ${seed}`).toEqual({
        epoch: `e${server.epoch}`,
        offset: server.log.length,
      });
    }
    if (!wasLost) expect(server.gaps, `seed ${seed}: nothing was lost, and something is missing`).toBe(0);
    full += server.full;
    lost += wasLost ? 1 : 0;
  }
  expect(lost, 'servers that forgot').toBeGreaterThan(20);
  expect(full, 'copies sent to them').toBeGreaterThan(20);
});
