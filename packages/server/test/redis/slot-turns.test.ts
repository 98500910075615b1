import { ErrorReply } from '@redis/client';
import { describe, expect, it } from 'vitest';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import type { LineCommands } from '../../src/adapters/redis/line-scripts.ts';
import type { Reply } from '../../src/adapters/redis/redis-link.ts';
import type { RedisAddress } from '../../src/adapters/redis/redis-settings.ts';
import type { Shard } from '../../src/adapters/redis/shards.ts';
import { createSlotTurns, type SlotTurns } from '../../src/adapters/redis/slot-turns.ts';

const SLOT = 5;

/**
 * Servers that answer when the test says so, and what was sent to them.
 *
 * @param connected resolves once there is a line to the other one
 */
function servers(connected: Promise<void> = Promise.resolve()) {
  const sent: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<Reply>>();
  const shard = (port: number): Shard => {
    const address: RedisAddress = { host: 'h', port };
    const carry = (name: string, asking: boolean): Promise<Reply> => {
      const key = `${name} to ${port}${asking ? ' asking' : ''}`;
      sent.push(key);
      const answer = Promise.withResolvers<Reply>();
      answers.set(key, answer);
      return answer.promise;
    };
    const commands: LineCommands = {
      run: () => Promise.reject(new Error('no scripts here')),
      send: ([name], asking) => carry(String(name), asking),
      sendForBytes: () => Promise.reject(new Error('no bytes here')),
      replicated: () => Promise.reject(new Error('no replicas here')),
    };
    return { address, commands, line: {} as Shard['line'] };
  };
  const shards = new Map([1, 2].map((port) => [port, shard(port)]));
  let serving = 1;
  const turns: SlotTurns = createSlotTurns({
    clock: createNodeClock(),
    limitMs: 50,
    serving: () => shards.get(serving),
    async reach({ port }) {
      await connected;
      return shards.get(port)!;
    },
    moved: (_slot, { port }) => void (serving = port),
    unserved: () => undefined,
  });
  const answer = async (key: string, error?: string): Promise<void> => {
    const { resolve, reject } = answers.get(key)!;
    if (error === undefined) resolve(key);
    else reject(new ErrorReply(error));
    // Whatever follows from it has happened by the next turn.
    await new Promise((then) => setImmediate(then));
  };
  return {
    sent,
    turns,
    answer,
    call: (name: string) => turns.call(SLOT, (commands, asking) => commands.send([name], asking)),
  };
}

describe('commands of a slot that goes elsewhere', () => {
  it('wait until all that was in flight came back, and then go one by one, in the order of the calls', async () => {
    const { sent, call, answer } = servers();
    const replies = [call('a'), call('b'), call('c')];
    expect(sent.splice(0)).toEqual(['a to 1', 'b to 1', 'c to 1']);
    await answer('a to 1', 'MOVED 5 h:2');
    replies.push(call('d'));
    await answer('b to 1');
    expect(sent).toEqual([]);
    await answer('c to 1', 'MOVED 5 h:2');
    expect(sent.splice(0)).toEqual(['a to 2']);
    replies.push(call('e'));
    await answer('a to 2');
    expect(sent.splice(0)).toEqual(['c to 2']);
    await answer('c to 2');
    expect(sent.splice(0)).toEqual(['d to 2']);
    await answer('d to 2');
    expect(sent.splice(0)).toEqual(['e to 2']);
    await answer('e to 2');
    expect(await Promise.all(replies)).toEqual(['a to 2', 'b to 1', 'c to 2', 'd to 2', 'e to 2']);
    // The slot is where it is: from here on nothing waits.
    void call('f');
    void call('g');
    expect(sent).toEqual(['f to 2', 'g to 2']);
  });

  it('are asked for at the other server while it takes the slot over, and go to the old one first again', async () => {
    const { sent, call, answer } = servers();
    const first = call('a');
    await answer('a to 1', 'ASK 5 h:2');
    const second = call('b');
    expect(sent.splice(0)).toEqual(['a to 1', 'a to 2 asking']);
    await answer('a to 2 asking');
    expect(await first).toBe('a to 2 asking');
    expect(sent).toEqual(['b to 1']);
    await answer('b to 1');
    expect(await second).toBe('b to 1');
  });

  it('whose keys lie on both are tried again, and given up after a while', async () => {
    const { sent, call, answer } = servers();
    const outcome = call('a').catch((error: unknown) => error);
    let over = false;
    void outcome.then(() => (over = true));
    let tries = 0;
    while (!over) {
      if (sent.splice(0).length > 0) {
        tries++;
        await answer('a to 1', 'TRYAGAIN Multiple keys request during rehashing of slot');
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await outcome).toMatchObject({ code: 'unavailable' });
    expect(tries).toBeGreaterThan(1);
  });

  it('reject when the line goes down, and are not sent when it stands again', async () => {
    const { sent, turns, call, answer } = servers();
    const outcomes = Promise.allSettled([call('a'), call('b')]);
    await answer('a to 1', 'MOVED 5 h:2');
    const held = Promise.allSettled([call('c')]);
    sent.length = 0;
    turns.drop('it broke');
    await answer('b to 1', 'ERR whatever');
    const unavailable = { status: 'rejected', reason: { code: 'unavailable' } };
    expect(await held).toMatchObject([unavailable]);
    expect(await outcomes).toMatchObject([unavailable, { reason: { message: 'ERR whatever' } }]);
    expect(sent).toEqual([]);
    const next = call('d');
    await answer('d to 1');
    expect(await next).toBe('d to 1');
  });

  it('reject as well when the line goes down while the other server is being connected to', async () => {
    const connected = Promise.withResolvers<void>();
    const { sent, turns, call, answer } = servers(connected.promise);
    const outcome = call('a').catch((error: unknown) => error);
    await answer('a to 1', 'MOVED 5 h:2');
    turns.drop('it broke');
    connected.resolve();
    expect(await outcome).toMatchObject({ code: 'unavailable' });
    expect(sent).toEqual(['a to 1']);
  });
});
