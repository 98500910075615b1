import { expect, it } from 'vitest';
import { type FullDevice, docOf, makeDevice, newServer } from './documents-world.ts';

type Scene = {
  readonly server: ReturnType<typeof newServer>;
  readonly device: FullDevice;
  go(ms?: number): void;
};

/** A device on a server, with everything that is on its way arriving at once. */
function scene(partUnits?: number): Scene {
  const clock = { nowMs: 1_000 };
  const server = newServer();
  const device = makeDevice('alice', clock, partUnits);
  function go(ms = 0): void {
    clock.nowMs += ms;
    device.ring();
    while (device.up.length > 0 || device.down.length > 0) {
      device.sendNext(server, device.line === null ? [] : [device.line]);
      device.receiveNext();
    }
  }
  device.dispatch({ type: 'opened', position: null, own: [], unsure: false });
  device.connect();
  go();
  return { server, device, go };
}

it('[DOC3] an update whose parts were lost is begun anew', () => {
  const { server, device, go } = scene(64);
  device.edit((text) => text.insert(0, 'long '.repeat(100)));
  device.dispatch({ type: 'alarm' });
  server.refusals.push({ t: 'upd', code: 'bad_message' });
  go(10);
  expect(device.document.view()).toMatchObject({ unsent: 1, unsaved: 0, refused: null });
  go(30_000);
  expect(docOf(server).getText('t').toJSON()).toBe('long '.repeat(100));
  expect(device.document.view()).toMatchObject({ unsent: 0, unsaved: 0 });
});

it('[DOC3] what the server takes in no part is said to be refused', () => {
  const { server, device, go } = scene(64);
  device.edit((text) => text.insert(0, 'long '.repeat(100)));
  for (let time = 0; time < 20; time++) {
    server.refusals.push({ t: 'upd', code: 'bad_message' });
    go(60_000);
  }
  expect(device.document.view()).toMatchObject({ unsent: 1, refused: { code: 'bad_message' } });
});

it('[DOC4] changes that are too large together are sent one by one, and only the one that is too large is refused', () => {
  const { server, device, go } = scene(100_000);
  for (const word of ['a', 'b', 'c']) device.edit((text) => text.insert(0, word));
  server.refusals.push({ t: 'upd', code: 'too_large' });
  go(10);
  expect([server.updates, docOf(server).getText('t').toJSON()]).toEqual([3, 'cba']);
  for (const word of ['d', 'e']) device.edit((text) => text.insert(0, word));
  go(10);
  expect(server.updates, 'and together again').toBe(4);
  device.edit((text) => text.insert(0, 'f'));
  server.refusals.push({ t: 'upd', code: 'too_large' });
  go(10);
  expect(device.document.view()).toMatchObject({ unsent: 1, refused: { code: 'too_large' } });
  expect(device.doc.getText('t').toJSON()).toBe('fedcba');
});

it('[DOC3] ten thousand changes made without a line go out as few updates, and are not all merged at once', () => {
  const { server, device, go } = scene(100_000);
  device.cut();
  for (let at = 0; at < 10_000; at++) device.edit((text) => text.insert(text.length, 'x'));
  expect(device.document.view()).toMatchObject({ status: 'offline', unsent: 10_000 });
  device.connect();
  go(10);
  expect(server.updates).toBeLessThan(5);
  // The time that it takes grows with the square of their number.
  expect(device.mostMerged).toBeLessThan(200);
  expect(docOf(server).getText('t').length).toBe(10_000);
  expect(device.document.view()).toMatchObject({ unsent: 0, unsaved: 0 });
});

it('[DOC4] a server that goes on to lack something is not sent everything for ever', () => {
  const { server, device, go } = scene(100_000);
  device.edit((text) => text.insert(0, 'a'));
  for (let time = 0; time < 10; time++) server.refusals.push({ t: 'upd', code: 'update_gap' });
  for (let time = 0; time < 10; time++) go(30_000);
  expect(device.document.view()).toMatchObject({ refused: { code: 'update_gap' } });
  expect(server.refusals.length).toBeGreaterThan(4);
});

it('[DOC5] a server that cannot say now is asked again, ever more seldom', () => {
  const { server, device, go } = scene();
  device.cut();
  for (let time = 0; time < 3; time++)
    server.refusals.push({ t: 'sub', code: 'unavailable', retryAfterMs: 50 });
  device.connect();
  go();
  expect(device.document.view()).toMatchObject({ status: 'connecting', code: 'unavailable' });
  const pauses: number[] = [];
  while (device.document.view().status !== 'live') {
    pauses.push(device.alarmAtMs!);
    go(20_000);
  }
  expect(pauses).toHaveLength(3);
});
