import { describe, expect, it } from 'vitest';
import { createConnectionView } from '../src/session/connection-view.ts';

const TOKEN = '{"t":"token","token":"x","session":"s","resumed":true,"graceMs":60000}';

const connected = { status: 'connected', reason: null, retryInMs: null } as const;
const connecting = { status: 'connecting', reason: null, retryInMs: null } as const;
const lost = (reason: 'line_lost' | 'connect_timeout') =>
  ({ status: 'disconnected', reason, retryInMs: 500 }) as const;

describe('the view of a connection', () => {
  it('keeps when and why the line was last lost, through failed attempts and after it is back', () => {
    const viewer = createConnectionView();
    viewer.changed(connecting, null, 0);
    viewer.heard(TOKEN, 10);
    viewer.changed(connected, 's', 10);
    expect(viewer.view.value.lastDrop).toBeNull();

    viewer.changed(lost('line_lost'), 's', 100);
    viewer.changed(connecting, 's', 600);
    viewer.changed(lost('connect_timeout'), 's', 900);
    expect(viewer.view.value).toMatchObject({
      droppedAtMs: 100,
      retryAtMs: 1400,
      reason: 'connect_timeout',
      lastDrop: { atMs: 100, reason: 'line_lost' },
    });

    viewer.changed(connected, 's', 1500);
    expect(viewer.view.value).toMatchObject({
      droppedAtMs: null,
      reason: null,
      lastDrop: { atMs: 100, reason: 'line_lost' },
    });
  });

  it('is as old as the last message that came before the drop', () => {
    const viewer = createConnectionView();
    viewer.changed(connected, 's', 10);
    viewer.heard('{"t":"x","id":"bob"}', 40);
    expect(viewer.view.value.asOfMs).toBeNull();
    viewer.changed(lost('line_lost'), 's', 100);
    viewer.changed(connecting, 's', 600);
    expect(viewer.view.value.asOfMs).toBe(40);
    viewer.changed(connected, 's', 700);
    expect(viewer.view.value.asOfMs).toBeNull();
  });

  it('counts as lost from the first failure until it is back, attempts included, and not before the first attempt ends', () => {
    const viewer = createConnectionView();
    const isLost = (): boolean => viewer.view.value.isLost;
    viewer.changed(connecting, null, 0);
    expect(isLost()).toBe(false);
    viewer.changed(lost('connect_timeout'), null, 10);
    expect(isLost()).toBe(true);
    viewer.changed(connecting, null, 20);
    expect(isLost()).toBe(true);
    viewer.changed(connected, 's', 30);
    expect(isLost()).toBe(false);
    viewer.changed({ status: 'disconnected', reason: null, retryInMs: null }, 's', 40);
    expect(isLost()).toBe(false);
  });

  it('reads off a token message how long the grace is, and whether the session went on', () => {
    const viewer = createConnectionView();
    viewer.heard(TOKEN, 0);
    expect(viewer.view.value).toMatchObject({ resumed: true, graceMs: 60_000 });
    viewer.heard('{"t":"u","id":"bob","a":"\\"graceMs\\":1"}', 1);
    expect(viewer.view.value.graceMs).toBe(60_000);
  });
});
