import { storeUnavailable } from '../../ports/unavailable.ts';
import { type Line, openLine } from './line.ts';
import { createLineCommands, type LineCommands } from './line-scripts.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { reasonOf } from './redis-errors.ts';
import { addressText, type RedisAddress, type RedisSettings } from './redis-settings.ts';
import { readServerInfo, type ServerInfo } from './server-info.ts';

/** An open line to a primary. */
export type Shard = {
  readonly address: RedisAddress;
  readonly line: Line;
  readonly commands: LineCommands;
};

/** The lines for commands, one to each server. */
export type Shards = {
  /** Undefined while there is no open line to it. */
  at(address: RedisAddress): Shard | undefined;
  /** The open line, or a new one; attempts to the same server are shared. */
  open(address: RedisAddress): Promise<Shard>;
  closeAll(reason: string): void;
};

/**
 * @param inspect is told who answered, before anything else is sent; throws where it will not do
 * @param onEnd an open line ended
 */
export function createShards(
  settings: RedisSettings,
  deps: RedisLinkDeps,
  inspect: (info: ServerInfo, address: RedisAddress) => void,
  onEnd: (address: RedisAddress, reason: string) => void,
): Shards {
  const open = new Map<string, Shard>();
  const opening = new Map<string, Promise<Shard>>();
  /** Counts how often everything was closed: what was being opened meanwhile is closed as well. */
  let closings = 0;

  async function connect(address: RedisAddress): Promise<Shard> {
    const name = addressText(address);
    const before = closings;
    const line = await openLine({ ...settings, address }, deps, {
      onEnd(ended, reason) {
        if (open.get(name)?.line !== ended) return;
        open.delete(name);
        onEnd(address, reason);
      },
    });
    try {
      const info = await readServerInfo(line);
      inspect(info, address);
      if (before !== closings) throw storeUnavailable('Redis: the link was closed');
      const shard = { address, line, commands: createLineCommands(line, info.runId) };
      open.set(name, shard);
      return shard;
    } catch (error) {
      line.close(reasonOf(error));
      throw error;
    }
  }

  return {
    at: (address) => open.get(addressText(address)),
    open(address) {
      const name = addressText(address);
      const there = open.get(name);
      if (there !== undefined) return Promise.resolve(there);
      const under = opening.get(name);
      if (under !== undefined) return under;
      const attempt = connect(address).finally(() => opening.delete(name));
      opening.set(name, attempt);
      return attempt;
    },
    closeAll(reason) {
      closings++;
      for (const { line } of [...open.values()]) line.close(reason);
    },
  };
}
