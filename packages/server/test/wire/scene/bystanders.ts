import { expect } from 'vitest';
import type { BareClient } from './bare-client.ts';
import type { Scene } from './scene.ts';

/** Two sessions that have nothing to do with what a test does to the server, one watching the other. */
export type Bystanders = {
  /** Fails unless the watcher was told nothing since the last call, and is told of a change now. */
  untouched(): Promise<void>;
};

/** Messages that may lie between a change and its delivery: the answer to the probe, and a heartbeat. */
const MESSAGES_BETWEEN = 2;

export async function openBystanders(scene: Scene): Promise<Bystanders> {
  await scene.follow(['watcher', 'watched']);
  const watcher: BareClient = await scene.logIn('watcher');
  const watched: BareClient = await scene.logIn('watched');
  await watcher.waitFor('o of watched', ({ t }) => t === 'o');
  watcher.take();
  let changes = 0;
  return {
    async untouched() {
      expect(scene.server.exit, scene.server.log.join('\n')).toBeNull();
      await watcher.settle();
      expect(watcher.take()).toEqual([]);
      const before = watcher.received.length;
      const a = `still here ${++changes}`;
      watched.send({ t: 'statusUpdate', a });
      await watcher.waitFor('the change of watched', (message) => message.t === 'u' && message['a'] === a);
      expect(watcher.received.length - before).toBeLessThanOrEqual(MESSAGES_BETWEEN);
      expect(watcher.take()).toEqual([{ t: 'u', id: 'watched', a }]);
      expect(watched.closedWith).toBeNull();
    },
  };
}
