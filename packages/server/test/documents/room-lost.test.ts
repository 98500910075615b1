import { expect, it } from 'vitest';
import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { createMemoryLog } from '../../src/adapters/memory/log.ts';
import { silentTelemetry as telemetry } from '../../src/adapters/memory/silent-telemetry.ts';
import { createInlineEngine } from '../../src/adapters/yjs/engine.ts';
import type { Append, Log } from '../../src/ports/log.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import type { HubChannel } from '../../src/runtime/link-state.ts';
import { createRoom } from '../../src/runtime/documents/room.ts';
import type { TakeResult } from '../../src/runtime/documents/room-face.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { documentSpec } from './document-harness.ts';
import * as Y from 'yjs';
import { typed, updateOf } from './yjs-client.ts';

it('a log that begins anew while an append is under way is read again, though that append fails', async () => {
  let log: Log = createMemoryLog({ newEpoch: () => 'first' });
  let fail: ((error: Error) => void) | null = null;
  let isHeld = false;
  const spec = documentSpec();
  const { document } = spec;
  if (document === null) throw new Error('no document');
  const room = createRoom({ name: 'doc:1', spec } as unknown as HubChannel, document, {
    ports: {
      ...{ clock: createVirtualClock(), telemetry, secrets: {} as never },
      broker: { publish: () => undefined } as never,
    },
    log: {
      append: (append: Append) =>
        isHeld ? new Promise<never>((_, reject) => void (fail = reject)) : log.append(append),
      read: (...given: Parameters<Log['read']>) => log.read(...given),
      top: (channel: string) => log.top(channel),
      history: (...given: Parameters<Log['history']>) => log.history(...given),
      settle: (channel: string) => log.settle(channel),
    } as Log,
    store: createMemoryDocuments(),
    engine: createInlineEngine(),
    alone: true,
  });
  const doc = new Y.Doc();
  const write = (text: string): Promise<TakeResult> =>
    room.take({
      update: updateOf(doc, () => typed(doc).insert(0, text)),
      author: { user: 'ann', names: new Set([doc.clientID]), full: false },
      silent: null,
      mayWrite: () => true,
    });
  expect(await write('kept')).toMatchObject({ ok: true });
  isHeld = true;
  const second = write('not ');
  log = createMemoryLog({ newEpoch: () => 'second' });
  room.lost();
  (fail as ((error: Error) => void) | null)?.(storeUnavailable('gone'));
  expect(await second).toMatchObject({ ok: false, code: 'unavailable' });
  await room.ready();
  // Whoever joins is told by it what to send: what was lost has to be among that.
  expect([...room.state.vector]).toEqual([]);
});
