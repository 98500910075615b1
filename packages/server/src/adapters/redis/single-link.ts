import type { Timer } from '../../ports/clock.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { backoffMs } from './backoff.ts';
import { type Line, openLine } from './line.ts';
import { createLineCommands, type LineCommands } from './line-scripts.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { reasonOf } from './redis-errors.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisAddress, RedisSettings } from './redis-settings.ts';
import { readServerInfo } from './server-info.ts';
import { createUpGate } from './up-gate.ts';

/** The line to one server, whose address is asked for anew before each connection. */
export function createSingleLink(
  settings: RedisSettings,
  deps: RedisLinkDeps,
  locate: () => Promise<RedisAddress>,
): RedisLink {
  const gate = createUpGate();
  const downListeners: ((reason: string) => void)[] = [];
  let current: { readonly line: Line; readonly commands: LineCommands } | null = null;
  let up = false;
  let closed = false;
  let attempt = 0;
  let retry: Timer | null = null;

  async function connect(): Promise<void> {
    const address = await locate();
    const line = await openLine({ ...settings, address }, deps, (reason) => ended(line, reason));
    try {
      if (closed) throw storeUnavailable('Redis: the link is closed');
      const { runId } = await readServerInfo(line);
      current = { line, commands: createLineCommands(line, runId) };
      await gate.settle();
      if (!line.open) throw storeUnavailable('Redis: the connection broke while it was made ready');
    } catch (error) {
      line.close(reasonOf(error));
      throw error;
    }
    up = true;
    attempt = 0;
  }

  function ended(line: Line, reason: string): void {
    if (current?.line !== line) return;
    current = null;
    gate.shut();
    if (!up) return;
    up = false;
    for (const listener of downListeners) listener(reason);
    reconnect();
  }

  function reconnect(): void {
    if (closed) return;
    retry = deps.clock.setTimer(backoffMs(attempt++, deps.fraction()), () => {
      retry = null;
      connect().catch((error: unknown) => {
        if (closed) return;
        deps.warn('redis_unreachable', { error: reasonOf(error), attempt });
        reconnect();
      });
    });
  }

  function commands(): LineCommands {
    if (current === null || !gate.passes()) throw storeUnavailable('Redis: there is no connection');
    return current.commands;
  }

  return {
    get up() {
      return up;
    },
    prefix: settings.prefix,
    run: async (script, keys, args) => commands().run(script, keys, args),
    command: async (_key, ...args) => commands().send(args),
    async getMany(keys) {
      if (keys.length === 0) return [];
      return (await commands().send(['MGET', ...keys])) as readonly (string | null)[];
    },
    onUp: (listener) => gate.listen(listener),
    onDown: (listener) => void downListeners.push(listener),
    open: connect,
    async close() {
      closed = true;
      retry?.cancel();
      current?.line.close('the link is closed');
    },
  } satisfies RedisLink;
}
