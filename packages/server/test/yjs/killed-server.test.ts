import { afterEach, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { loginToken } from '../wire/scene/login-token.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { openHocuspocus, openYjs, reads, synced, until } from './providers.ts';

const CONTRACT = new URL('../../../contract/src/index.ts', import.meta.url).href;

const CONFIG = `
import { defineContract, document } from '${CONTRACT}';
export default {
  contract: defineContract({ channels: { 'doc:{id}': document({ durability: 'stored' }) } }),
  authorize: { 'doc:{id}': () => 'write' },
  gateways: { yjs: { channel: 'doc:{id}' }, hocuspocus: { channel: 'doc:{id}' } },
};
`;

const KILLS = 2;

/** Changes that are saved before the process is killed, each time; others are under way then. */
const SAVED = 60;

/** Both type faster than people, and are all the same not held back. */
const TYPE_MS = 8;
const LIMITS = { CARILLON_LIMITS_MESSAGES_PER_SECOND: '5000', CARILLON_LIMITS_MESSAGE_BURST: '5000' };

let scene: Scene;
const opened: { destroy(): void }[] = [];
afterEach(async () => {
  for (const provider of opened) provider.destroy();
  await scene.close();
  vi.restoreAllMocks();
});

it('kill -9 while providers type: nothing that Hocuspocus was told is saved is missing, and all converge', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  scene = await openScene(LIMITS, { configModule: CONFIG });
  const { port } = scene.server;
  const tokens = {
    alice: await loginToken('alice'),
    bob: await loginToken('bob'),
    carol: await loginToken('carol'),
  };
  const hocuspocus = openHocuspocus(port, 'alice', { token: tokens.alice });
  const yjs = openYjs(port, 'bob', { token: tokens.bob });
  opened.push(hocuspocus, yjs);
  const typed: string[] = [];
  let surelySaved = 0;
  hocuspocus.on('unsyncedChanges', ({ number }: { number: number }) => {
    if (number === 0) surelySaved = typed.length;
  });

  function type(): void {
    const token = `<${typed.length}>`;
    typed.push(token);
    const text = hocuspocus.document.getText('text');
    text.insert(text.length, token);
    yjs.doc.getText('text').insert(0, '.');
  }

  for (let kill = 0; kill < KILLS; kill++) {
    await Promise.all([synced(hocuspocus), synced(yjs)]);
    const target = typed.length + SAVED;
    const enough = until(() => surelySaved >= target, [hocuspocus, 'unsyncedChanges']);
    const typing = setInterval(type, TYPE_MS);
    await enough;
    const exit = scene.stop('SIGKILL');
    await exit;
    clearInterval(typing);
    const mustBeThere = typed.slice(0, surelySaved);
    // Nobody may bring it again before it is looked for.
    hocuspocus.disconnect();
    yjs.disconnect();
    await scene.restart(LIMITS);
    const reader = openYjs(scene.server.port, 'carol', { token: tokens.carol, doc: new Y.Doc() });
    await synced(reader);
    const kept = reader.doc.getText('text').toJSON();
    expect(mustBeThere.filter((token) => !kept.includes(token))).toEqual([]);
    yjs.connect();
    await hocuspocus.connect();
    await until(() => !hocuspocus.hasUnsyncedChanges, [hocuspocus, 'unsyncedChanges']);
    await until(() => bothIn(reader.doc), [reader.doc, 'update']);
    await reads(reader.doc.getText('text').toJSON(), hocuspocus, yjs);
    reader.destroy();
  }

  /** All that was typed, by both. */
  function bothIn(doc: Y.Doc): boolean {
    const text = doc.getText('text').toJSON();
    return typed.every((token) => text.includes(token)) && text.split('.').length - 1 === typed.length;
  }
});
